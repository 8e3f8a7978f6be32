// A form that makes the call, and shows what comes back as it comes.

import { el } from "./dom.js";
import { exampleCall, fillPath, isStream, target } from "./samples.js";
import { contentOf, exampleOf, resolve } from "./spec.js";
import { readToken } from "./token.js";

const LONGEST = 200_000;

/** Return the form of an operation. */
export function tryIt(spec, operation) {
  const inputs = (operation.parameters ?? []).map((parameter) => inputOf(spec, parameter));
  const { type, schema } = contentOf(operation.requestBody);
  const body = bodyInput(spec, operation, type, schema);
  const shown = el("div", { class: "answer", "aria-live": "polite" });
  const send = async (event) => {
    event.preventDefault();
    const stop = new AbortController();
    const button = el("button", { type: "button", class: "quiet", onclick: () => stop.abort() }, "Stop");
    shown.replaceChildren(el("p", { class: "muted" }, "Waiting … ", button));
    try {
      await call(operation, inputs, { body, type }, shown, stop);
    } catch (error) {
      if (error.name !== "AbortError") shown.replaceChildren(el("p", { class: "problem" }, String(error)));
    } finally {
      button.remove();
    }
  };
  return el("form", { class: "try", onsubmit: send },
    inputs.map((input) => el("div", { class: "line" }, el("label", { for: input.element.id }, input.label), input.element)),
    body && el("div", { class: "line" }, el("label", { for: body.id }, "Body"), body),
    el("div", { class: "buttons" }, el("button", { class: "primary" }, "Send"),
      operation.security?.length && !readToken() ? el("span", { class: "muted" }, "Needs a token: set one at the top.") : null),
    shown);
}

function inputOf(spec, parameter) {
  const schema = resolve(spec, parameter.schema) ?? {};
  const id = `try-${parameter.in}-${parameter.name}`;
  const values = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  const many = schema.type === "array";
  const hint = schema.examples?.[0] ?? (many ? "one a line" : "");
  const attributes = { id, required: Boolean(parameter.required), placeholder: String(hint) };
  const element = values ? el("select", { id }, el("option", { value: "" }, "—"), values.map((value) => el("option", {}, value)))
    : many ? el("textarea", { ...attributes, rows: "2" }) : el("input", { ...attributes, type: "text", spellcheck: "false", autocomplete: "off" });
  const label = [el("code", {}, parameter.name), parameter.required ? " *" : ""];
  return { parameter, element, label, values: () => (many ? element.value.split("\n") : [element.value]).filter((value) => value !== "") };
}

function bodyInput(spec, operation, type, schema) {
  if (!operation.requestBody) return null;
  const id = "try-body";
  if (type !== "application/json") return el("input", { id, type: "file" });
  const element = el("textarea", { id, rows: "8", spellcheck: "false" });
  element.value = exampleCall(spec, operation).body || JSON.stringify(exampleOf(spec, schema), null, 2);
  return element;
}

async function call(operation, inputs, { body, type }, shown, stop) {
  const of = (place) => inputs.filter((input) => input.parameter.in === place)
    .flatMap((input) => input.values().map((value) => [input.parameter.name, value]));
  const url = target({ path: fillPath(operation.path, new Map(of("path"))), query: of("query") });
  const headers = {};
  if (readToken()) headers.authorization = `Bearer ${readToken()}`;
  let content;
  if (body?.type === "file") {
    content = body.files[0];
    headers["content-type"] = content?.type || "application/octet-stream";
  } else if (body) {
    content = body.value;
    headers["content-type"] = type;
  }
  if (isStream(operation)) headers.accept = "text/event-stream";
  const start = performance.now();
  const answer = await fetch(url, { method: operation.verb.toUpperCase(), headers, body: content, signal: stop.signal });
  await showAnswer(answer, shown, { start, stop, url });
}

async function showAnswer(answer, shown, { start, stop, url }) {
  const status = el("span", { class: answer.ok ? "status ok" : "status bad" }, `${answer.status} ${answer.statusText}`);
  const time = el("span", { class: "muted" });
  const output = el("pre", { tabindex: "0", "aria-label": "Answer" });
  const button = el("button", { type: "button", class: "quiet", onclick: () => stop.abort() }, "Stop");
  const head = el("p", {}, status, " ", time, " ", button);
  const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  shown.replaceChildren(el("p", { class: "muted wrap" }, url), head, output, el("details", {}, el("summary", {}, "Headers"), el("pre", {}, lines)));
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      text = (text + decoder.decode(value, { stream: true })).slice(-LONGEST);
      output.textContent = text;
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    button.remove();
    time.textContent = `${Math.round(performance.now() - start)} ms`;
  }
  output.textContent = pretty(text);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
