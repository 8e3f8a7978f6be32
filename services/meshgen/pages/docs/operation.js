// One operation, with all that there is to say of it.

import { codeBlock, el, prose, tabs } from "./dom.js";
import { samplesOf } from "./samples.js";
import { row, schemaTree } from "./schema.js";
import { contentOf, refName, resolve } from "./spec.js";
import { tryIt } from "./tryit.js";

/** Return the page of an operation. */
export function operationPage(spec, operation) {
  const text = operation.description ?? "";
  return el("article", {},
    el("p", { class: "crumb" }, operation.tags[0]),
    el("h1", {}, operation.summary),
    el("p", { class: "path" }, el("span", { class: `verb ${operation.verb}` }, operation.verb.toUpperCase()), " ", pathOf(operation)),
    facts(operation),
    el("div", { class: "columns" },
      el("div", {}, prose(text), parameters(spec, operation), requestBody(spec, operation), responses(spec, operation)),
      el("aside", {},
        el("h2", {}, "Call it"),
        tabs([...samplesOf(spec, operation).map(([label, sample]) => [label, () => codeBlock(sample, label)]),
          ["Try it", () => tryIt(spec, operation)]], "Call it"))));
}

function pathOf(operation) {
  return el("code", {}, operation.path.split(/(\{[^}]+\})/).map((part) => (part.startsWith("{") ? el("em", {}, part) : part)));
}

function facts(operation) {
  const limit = operation["x-limit"];
  const found = [
    ["Permission", operation["x-permission"] ?? (operation.security?.length ? "any token" : "none: public")],
    ["gRPC", operation["x-grpc-method"]],
    limit && ["Limit", `${limit.requests} in ${limit.windowSeconds} s, for each ${limit.per}`],
    operation["x-timeout-seconds"] && ["Time", `${operation["x-timeout-seconds"]} s`],
    ["Repeating", operation["x-idempotent"] ? "is safe" : "may act twice"],
  ].filter(Boolean);
  return el("dl", { class: "facts" },
    operation.deprecated && el("div", { class: "warn" }, el("dt", {}, "Deprecated"), el("dd", {}, "do not begin to use it")),
    found.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function parameters(spec, operation) {
  const sections = [["path", "Path"], ["query", "Query"]].map(([place, label]) => {
    const found = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    if (!found.length) return null;
    return el("section", {}, el("h2", {}, label), el("ul", { class: "fields" }, found.map((parameter) =>
      row(spec, parameter.name, parameter.schema, {
        required: parameter.required, description: parameter.description ?? "", deprecated: parameter.deprecated,
      }))));
  });
  return sections.filter(Boolean);
}

function requestBody(spec, operation) {
  if (!operation.requestBody) return null;
  const { type, schema } = contentOf(operation.requestBody);
  return el("section", {}, el("h2", {}, "Body ", el("span", { class: "type" }, type), " ", schemaLink(schema)),
    prose(operation.requestBody.description), schemaTree(spec, schema));
}

function responses(spec, operation) {
  return el("section", {}, el("h2", {}, "Answers"), Object.entries(operation.responses).map(([status, node]) => {
    const response = resolve(spec, node);
    const types = Object.entries(response.content ?? {});
    return el("details", { class: "response", open: status === "200" },
      el("summary", {}, el("span", { class: status === "200" ? "status ok" : "status bad" }, status), " ", response.description),
      types.map(([type, media]) => el("div", {}, el("p", { class: "type" }, type, " ", schemaLink(media.schema)),
        media.example ? codeBlock(JSON.stringify(media.example, null, 2), `example of ${status}`) : schemaTree(spec, media.schema, { sent: false }))));
  }));
}

function schemaLink(schema) {
  const name = refName(schema) || refName(schema?.items);
  return name ? el("a", { class: "type", href: `#/schemas/${name}` }, name) : null;
}
