// A schema as a tree of fields, of which each opens when it is asked for.

import { el, inline, prose } from "./dom.js";
import { refName, resolve, typeName } from "./spec.js";

/** Return the fields of a schema as a list; what is inside of one is made when it is opened. `sent` says that callers send it. */
export function schemaTree(spec, node, { sent = true, seen = [] } = {}) {
  const schema = resolve(spec, node);
  if (!schema) return el("p", { class: "muted" }, "Any content.");
  const name = refName(node);
  if (name && seen.includes(name)) return el("p", { class: "muted" }, "As above.");
  const inside = name ? [...seen, name] : seen;
  if (schema.type === "array") {
    return el("div", {}, el("p", { class: "muted" }, "A list of:"), schemaTree(spec, schema.items, { sent, seen: inside }));
  }
  if (!schema.properties) return el("div", { class: "fields" }, single(spec, schema));
  const required = new Set(schema.required ?? []);
  return el("ul", { class: "fields" }, Object.entries(schema.properties).map(([field, value]) =>
    row(spec, field, value, { required: required.has(field), sent, seen: inside })));
}

/** Return one field, or one parameter: its name, its type, what is asked of it and what is said of it. */
export function row(spec, name, node, { required = false, sent = true, seen = [], description = null, deprecated = false }) {
  const schema = resolve(spec, node) ?? {};
  const inner = innerOf(spec, node);
  const said = description ?? node.description ?? (refName(node) ? "" : schema.description);
  const head = [
    el("code", { class: "name" }, name),
    el("span", { class: "type" }, typeName(spec, node)),
    sent && required && el("span", { class: "flag required" }, "required"),
    !sent && !required && el("span", { class: "flag" }, "may be absent"),
    schema.readOnly && el("span", { class: "flag" }, "read only"),
    schema.writeOnly && el("span", { class: "flag" }, "write only"),
    schema["x-immutable"] && el("span", { class: "flag" }, "set once"),
    (deprecated || node.deprecated) && el("span", { class: "flag warn" }, "deprecated"),
  ];
  const below = [...prose(said), constraints(spec, schema)];
  if (!inner) return el("li", {}, el("div", { class: "head" }, head), below);
  const place = el("div", { class: "inner" });
  const details = el("details", {
    ontoggle: () => { if (details.open && !place.firstChild) place.append(schemaTree(spec, inner, { sent, seen })); },
  }, el("summary", { class: "head" }, head), place);
  return el("li", {}, details, below);
}

function single(spec, schema) {
  return [...prose(schema.description), constraints(spec, schema)];
}

/** Return the schema of what is inside of a field, or null where it has no fields of its own. */
function innerOf(spec, node) {
  const schema = resolve(spec, node);
  if (schema?.properties) return node;
  if (schema?.type === "array") return innerOf(spec, schema.items);
  if (schema?.additionalProperties && typeof schema.additionalProperties === "object") return innerOf(spec, schema.additionalProperties);
  return null;
}

const WORDS = [
  ["minLength", "at least", "character"], ["maxLength", "at most", "character"],
  ["minItems", "at least", "item"], ["maxItems", "at most", "item"],
  ["minProperties", "at least", "entry"], ["maxProperties", "at most", "entry"],
  ["exclusiveMinimum", "more than", ""], ["exclusiveMaximum", "less than", ""],
];
const OBVIOUS = new Set(["^[^/]+$", "^.+$"]);
const NATURAL = new Set([-(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1, -(2 ** 63), 2 ** 63 - 1, 2 ** 64 - 1]);

/** Return the checks of a schema in words, or null where there are none. */
function constraints(spec, schema) {
  const items = schema.type === "array" ? resolve(spec, schema.items) : null;
  const said = [];
  for (const [key, before, noun] of WORDS) {
    const plural = schema[key] === 1 ? noun : noun.replace(/y$/, "ie") + (noun && "s");
    if (schema[key] !== undefined) said.push(`${before} ${schema[key]} ${plural}`.trim());
  }
  for (const [key, before] of [["minimum", "at least"], ["maximum", "at most"]]) {
    if (schema[key] !== undefined && !NATURAL.has(schema[key])) said.push(`${before} ${schema[key]}`);
  }
  if (schema.uniqueItems) said.push("no item twice");
  if (schema.pattern && !OBVIOUS.has(schema.pattern) && !["int64", "uint64"].includes(schema.format)) said.push(`matches \`${schema.pattern}\``);
  const values = schema.enum ?? items?.enum;
  if (values) said.push(`one of ${values.map((value) => `\`${value}\``).join(", ")}`);
  if (schema.not?.const !== undefined) said.push(`not \`${schema.not.const}\``);
  if (schema.not?.enum) said.push(`none of ${schema.not.enum.map((value) => `\`${value}\``).join(", ")}`);
  const choice = schema.type && schema.anyOf?.at(-1);
  if (choice?.format) said.push(`empty, or ${choice.format}`);
  else if (choice?.pattern) said.push(`empty, or matches \`${choice.pattern}\``);
  return said.length ? el("p", { class: "rules" }, inline(said.join(" · "))) : null;
}
