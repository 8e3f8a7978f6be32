// Elements made by hand: text is always text and never markup.

/** Return an element with attributes, listeners (`onclick`) and children; null and false children are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Return the paragraphs, lists and `code` of a comment as elements. */
export function prose(text) {
  return (text || "").trim().split(/\n{2,}/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (!lines.every((line) => /^(-|\s)/.test(line)) || !lines[0].startsWith("- ")) return el("p", {}, inline(lines.join(" ")));
    const items = [];
    for (const line of lines) {
      if (line.startsWith("- ")) items.push(line.slice(2));
      else items[items.length - 1] += ` ${line.trim()}`;
    }
    return el("ul", {}, items.map((item) => el("li", {}, inline(item))));
  });
}

/** Return one line of text with what stands between backticks as code; `[Name][package.Name]` leads nowhere here. */
export function inline(text) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith("`") && part.length > 2 ? el("code", {}, part.slice(1, -1))
    : part.replace(/\[([^\[\]]+)\]\s?\[\w+\.[\w.]+\]/g, "$1")));
}

/** Return a block of code with a button that copies it. */
export function codeBlock(text, label) {
  const button = el("button", {
    class: "quiet copy", type: "button", "aria-label": `Copy ${label}`,
    onclick: async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    },
  }, "Copy");
  return el("div", { class: "code" }, button, el("pre", { tabindex: "0", "aria-label": label }, el("code", {}, text)));
}

/** Return tabs of which one panel shows; `panels` are pairs of a label and a function that makes the panel. */
export function tabs(panels, name) {
  const shown = el("div", { role: "tabpanel", "aria-label": name });
  const choose = (index) => {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === index));
      button.tabIndex = at === index ? 0 : -1;
    });
    shown.replaceChildren(panels[index][1]());
  };
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = (buttons.indexOf(event.currentTarget) + step + buttons.length) % buttons.length;
    choose(index);
    buttons[index].focus();
  };
  const buttons = panels.map(([label], index) =>
    el("button", { role: "tab", type: "button", onclick: () => choose(index), onkeydown: move }, label));
  choose(0);
  return el("div", { class: "tabs" }, el("div", { role: "tablist", "aria-label": name }, buttons), shown);
}
