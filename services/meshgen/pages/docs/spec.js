// The OpenAPI document: where its operations are, what its references name, and an example of each schema.

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/** Fetch the document and return it with its operations by id and by tag. */
export async function loadSpec(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const doc = await answer.json();
  const operations = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const verb of METHODS.filter((name) => item[name])) {
      const found = item[verb];
      operations.set(found.operationId, { ...found, path, verb, id: found.operationId });
    }
  }
  // What comes with every Tenon and is not its own stands last.
  const last = (tag) => tag.name.startsWith("google.");
  const tags = [...doc.tags].sort((one, other) => last(one) - last(other)).map((tag) => ({
    ...tag, operations: [...operations.values()].filter((operation) => operation.tags.includes(tag.name))
      // A second path of the same method has a number; the main one comes first.
      .sort((one, other) => /-\d+$/.test(one.id) - /-\d+$/.test(other.id)),
  }));
  return { doc, operations, tags, schemas: doc.components.schemas };
}

/** Return what a reference names, or the node itself where it is none. */
export function resolve(spec, node) {
  if (!node?.$ref) return node;
  const found = node.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], spec.doc);
  const { $ref, ...beside } = node;
  return { ...resolve(spec, found), ...beside };
}

/** Return the name of the schema that a reference names, or an empty text. */
export function refName(node) {
  return node?.$ref?.startsWith("#/components/schemas/") ? node.$ref.slice("#/components/schemas/".length) : "";
}

/** Return the media type and the schema of a body or an answer. */
export function contentOf(part) {
  const [type, media] = Object.entries(part?.content ?? {})[0] ?? ["", {}];
  return { type, schema: media?.schema, example: media?.example };
}

/** Return how a schema's values look, in a word or two. */
export function typeName(spec, node) {
  if (!node) return "any";
  const name = refName(node);
  if (name) return name.split(".").pop().replace(/-(input|update|body)$/, "");
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.type === "array") return `${typeName(spec, node.items)}[]`;
  if (node.additionalProperties) return `map of ${typeName(spec, node.additionalProperties)}`;
  if (node.anyOf && !node.type) return typeName(spec, node.anyOf[0]);
  const type = Array.isArray(node.type) ? node.type.join(" or ") : node.type;
  return node.format ? `${type ?? "any"} (${node.format})` : type ?? "any";
}

/** Return an example of a value, made of the schema's own examples where there are any. */
export function exampleOf(spec, node, depth = 0) {
  const schema = resolve(spec, node);
  if (!schema) return null;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.find((value) => !excluded(schema, value) && !String(value).endsWith("_UNSPECIFIED")) ?? schema.enum[0];
  if (schema.anyOf && !schema.type) return exampleOf(spec, schema.anyOf[0], depth);
  // Of what may be left empty, the last choice is what it is otherwise.
  if (schema.anyOf && !schema.properties) return exampleOf(spec, { ...schema, anyOf: undefined, ...schema.anyOf.at(-1) }, depth);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") return exampleObject(spec, schema, depth);
  if (type === "array") return depth > 3 ? [] : [exampleOf(spec, schema.items, depth + 1)];
  if (type === "integer" || type === "number") return Math.max(schema.minimum > -1e9 ? schema.minimum : 0, schema.exclusiveMinimum + 1 || 0);
  if (type === "boolean") return false;
  if (type === "string") return exampleText(schema);
  return null;
}

function exampleObject(spec, schema, depth) {
  if (depth > 3) return {};
  const required = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties ?? {});
  // A full example of a large message helps nobody: what is required, or all where nothing is.
  const shown = required.size ? names.filter((name) => required.has(name)) : names.slice(0, 6);
  const alone = onlyOneOf(schema);
  let taken = false;
  const entries = [];
  for (const name of shown) {
    if (alone.has(name) && taken) continue;
    taken ||= alone.has(name);
    entries.push([name, exampleOf(spec, schema.properties[name], depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function onlyOneOf(schema) {
  const pairs = (schema.allOf ?? []).flatMap((part) => part.not?.anyOf ?? part.oneOf ?? []);
  return new Set(pairs.flatMap((part) => part.required ?? []));
}

function excluded(schema, value) {
  return schema.not?.const === value || schema.not?.enum?.includes(value);
}

function exampleText(schema) {
  const known = {
    "date-time": "2026-01-31T12:00:00Z", email: "ann@example.com", uuid: "0198c0de-0000-7000-8000-000000000000",
    uri: "https://example.com", hostname: "example.com", ipv4: "192.0.2.1", ipv6: "2001:db8::1", byte: "AAEC",
    int64: "0", uint64: "0",
  }[schema.format];
  if (known !== undefined) return known;
  return "text".padEnd(schema.minLength ?? 0, "x").slice(0, schema.maxLength ?? undefined);
}
