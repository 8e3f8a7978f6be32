// The page: navigation, search, and what is shown for each address.

import { codeBlock, el, prose } from "./dom.js";
import { operationPage } from "./operation.js";
import { schemaTree } from "./schema.js";
import { exampleOf, loadSpec } from "./spec.js";
import { wireToken } from "./token.js";

const at = (id) => document.getElementById(id);

function overview(spec) {
  return el("article", {},
    el("h1", {}, spec.doc.info.title), prose(spec.doc.info.description),
    el("p", {}, "The whole document: ", el("a", { href: "/openapi.yaml" }, "openapi.yaml"), ", ", el("a", { href: "/openapi.json" }, "openapi.json"),
      el("span", { class: "muted" }, ` (version ${spec.doc.info.version})`)),
    el("div", { class: "cards" }, spec.tags.map((tag) => el("section", {},
      el("h2", {}, tag["x-displayName"] ?? tag.name), el("p", { class: "muted" }, tag.name), prose(tag.description),
      el("ul", {}, tag.operations.map((operation) => el("li", {}, el("a", { href: `#/${operation.id}` }, operation.summary))))))));
}

function schemaPage(spec, name) {
  const schema = spec.schemas[name];
  const uses = [...spec.operations.values()].filter((operation) => JSON.stringify([operation.requestBody, operation.responses]).includes(`schemas/${name}"`));
  return el("article", {},
    el("p", { class: "crumb" }, "Schema"), el("h1", {}, name), prose(schema.description),
    el("div", { class: "columns" },
      el("div", {}, schemaTree(spec, { ...schema, description: undefined }, { sent: /-(input|update|body)/.test(name) })),
      el("aside", {}, el("h2", {}, "Example"), codeBlock(JSON.stringify(exampleOf(spec, schema), null, 2), "example"),
        uses.length ? [el("h2", {}, "Used by"), el("ul", {}, uses.map((operation) => el("li", {}, el("a", { href: `#/${operation.id}` }, operation.summary))))] : null)));
}

function show(spec) {
  const [first, ...rest] = decodeURIComponent(location.hash.replace(/^#\/?/, "")).split("/");
  const operation = spec.operations.get(first);
  const schema = first === "schemas" && spec.schemas[rest.join("/")] ? rest.join("/") : "";
  const page = operation ? operationPage(spec, operation) : schema ? schemaPage(spec, schema) : overview(spec);
  at("main").replaceChildren(page);
  document.title = operation ? `${operation.summary} · ${spec.doc.info.title}` : schema ? `${schema} · ${spec.doc.info.title}` : `${spec.doc.info.title} API reference`;
  for (const link of at("nav").querySelectorAll("a")) {
    const current = link.hash === location.hash;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (current) link.closest("details")?.setAttribute("open", "");
    if (current) link.scrollIntoView({ block: "nearest" });
  }
  closeMenu();
  window.scrollTo(0, 0);
}

function navigation(spec, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (...texts) => { const text = texts.join(" ").toLowerCase(); return wanted.every((word) => text.includes(word)); };
  const groups = spec.tags.map((tag) => [tag, tag.operations.filter((operation) =>
    fits(operation.summary, operation.path, operation.verb, operation.id, operation["x-permission"] ?? ""))]);
  const schemas = Object.keys(spec.schemas).filter((name) => fits(name));
  const found = groups.filter(([, operations]) => operations.length).map(([tag, operations]) =>
    group(tag["x-displayName"] ?? tag.name, tag.name, wanted.length > 0 || spec.tags.length < 4, operations.map((operation) =>
      el("a", { href: `#/${operation.id}`, class: operation.deprecated ? "deprecated" : null },
        el("span", { class: `verb small ${operation.verb}` }, operation.verb.toUpperCase()), el("span", {}, operation.summary)))));
  if (schemas.length) found.push(group("Schemas", "", wanted.length > 0 && found.length === 0, schemas.map((name) => el("a", { href: `#/schemas/${name}` }, el("span", { class: "schema" }, name)))));
  return found.length ? found : [el("p", { class: "muted" }, "Nothing fits.")];
}

function group(label, title, open, links) {
  return el("details", { open }, el("summary", { title }, label, " ", el("span", { class: "muted" }, String(links.length))),
    el("ul", {}, links.map((link) => el("li", {}, link))));
}

function closeMenu() {
  at("nav").classList.remove("open");
  at("menu").setAttribute("aria-expanded", "false");
}

function wireSearch(spec) {
  const field = at("search");
  field.addEventListener("input", () => at("nav").replaceChildren(...navigation(spec, field.value)));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && field.value) at("nav").querySelector("a")?.click();
    if (event.key === "Escape") { field.value = ""; field.dispatchEvent(new Event("input")); field.blur(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    field.focus();
  });
}

function wireTheme() {
  const stored = localStorage.getItem("tenon-theme");
  if (stored) document.documentElement.dataset.theme = stored;
  at("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    localStorage.setItem("tenon-theme", root.dataset.theme);
  });
}

async function begin() {
  wireTheme();
  at("menu").addEventListener("click", () => at("menu").setAttribute("aria-expanded", String(at("nav").classList.toggle("open"))));
  try {
    const spec = await loadSpec("/openapi.json");
    at("title").textContent = `${spec.doc.info.title} API`;
    at("nav").replaceChildren(...navigation(spec, ""));
    wireSearch(spec);
    wireToken(spec, at("token"), at("dialog"));
    window.addEventListener("hashchange", () => { show(spec); at("main").focus({ preventScroll: true }); });
    show(spec);
  } catch (error) {
    at("main").replaceChildren(el("p", { class: "problem", role: "alert" }, `The document cannot be shown: ${error.message}`));
  }
}

begin();
