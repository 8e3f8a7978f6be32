// The same call in other languages.

import { contentOf, exampleOf } from "./spec.js";

const TOKEN = "$(tenon token)";

/** Return the pairs of a label and a text that show how to make a call. */
export function samplesOf(spec, operation) {
  const call = exampleCall(spec, operation);
  const found = [["curl", curl(operation, call)], ["Python", python(operation, call)]];
  if (operation["x-grpc-method"]) found.push(["gRPC", grpcurl(spec, operation, call)]);
  return found;
}

/** Return path, query and body of an example of a call: what is required, and nothing else. */
export function exampleCall(spec, operation) {
  const values = (place) => (operation.parameters ?? []).filter((parameter) => parameter.in === place && parameter.required)
    .flatMap((parameter) => [exampleOf(spec, parameter.schema)].flat().map((value) => [parameter.name, String(value)]));
  const { type, schema } = contentOf(operation.requestBody);
  const body = schema ? JSON.stringify(exampleOf(spec, schema), null, 2) : "";
  return { path: fillPath(operation.path, new Map(values("path"))), query: values("query"), body, type };
}

/** Return a path with its parameters filled in, each encoded as one segment. */
export function fillPath(path, values) {
  return path.replace(/\{([^}]+)\}/g, (whole, name) => (values.get(name) ? encodeURIComponent(values.get(name)) : whole));
}

/** Return the path and the query of a call. */
export function target({ path, query }) {
  return query.length ? `${path}?${new URLSearchParams(query)}` : path;
}

/** Return whether an operation answers with messages as they come. */
export function isStream(operation) {
  return "text/event-stream" in (operation.responses["200"]?.content ?? {});
}

function needsToken(operation) {
  return operation.security?.length > 0;
}

function curl(operation, call) {
  const parts = [isStream(operation) ? 'curl -N -H "Accept: text/event-stream"' : "curl"];
  if (!["get", "post"].includes(operation.verb) || (operation.verb === "post" && !call.body)) parts.push(`-X ${operation.verb.toUpperCase()}`);
  if (needsToken(operation)) parts.push(`-H "Authorization: Bearer ${TOKEN}"`);
  if (call.type === "application/json" && call.body) parts.push(`-d '${call.body.replaceAll("'", "'\\''")}'`);
  else if (operation.requestBody && !call.body) parts.push("--data-binary @file");
  parts.push(`'${location.origin}${target(call)}'`);
  return parts.join(" \\\n  ");
}

function python(operation, call) {
  const lines = ["import httpx", ""];
  const options = [`"${operation.verb.toUpperCase()}"`, `"${location.origin}${call.path}"`];
  if (call.query.length) options.push(`params=${JSON.stringify(call.query)}`);
  if (needsToken(operation)) options.push('headers={"Authorization": f"Bearer {token}"}');
  if (call.type === "application/json" && call.body) options.push(`json=${pythonLiteral(JSON.parse(call.body))}`);
  else if (operation.requestBody && !call.body) options.push('content=open("file", "rb")');
  lines.push(`answer = httpx.request(\n    ${options.join(",\n    ")},\n)`, "answer.raise_for_status()");
  return lines.join("\n");
}

function pythonLiteral(value) {
  return JSON.stringify(value, null, 4).replaceAll("\n", "\n    ")
    .replace(/(^|[\s[:])(true|false|null)(?=[,\s\]}]|$)/g, (all, before, word) => before + { true: "True", false: "False", null: "None" }[word]);
}

function grpcurl(spec, operation, call) {
  const header = needsToken(operation) ? ` -H "authorization: Bearer ${TOKEN}"` : "";
  const plain = location.protocol === "http:" ? " -plaintext" : "";
  const method = operation["x-grpc-method"].slice(1);
  return [
    `grpcurl${plain} ${location.host} describe ${method.replace("/", ".")}`,
    `grpcurl${plain}${header} -d '{}' \\\n  ${location.host} ${method}`,
  ].join("\n\n");
}
