// The token of this tab: kept in the tab alone, sent to this edge alone.

import { el } from "./dom.js";

const KEY = "tenon-token";
const SIGN_IN = "/auth/v1/sessions:signIn";

/** Return the token, or an empty text. */
export function readToken() {
  return sessionStorage.getItem(KEY) ?? "";
}

/** Wire the button that opens the dialog, and say on it whether there is a token. */
export function wireToken(spec, button, dialog) {
  const show = () => { button.textContent = readToken() ? "Token is set" : "Set token"; button.classList.toggle("on", Boolean(readToken())); };
  const keep = (token) => {
    if (token) sessionStorage.setItem(KEY, token.trim().replace(/^Bearer\s+/i, ""));
    else sessionStorage.removeItem(KEY);
    show();
    dialog.close();
  };
  button.addEventListener("click", () => { dialog.replaceChildren(...content(spec, keep, dialog)); dialog.showModal(); });
  show();
}

function content(spec, keep, dialog) {
  const field = el("textarea", { id: "token-text", rows: "4", spellcheck: "false", autocomplete: "off" });
  field.value = readToken();
  return [
    el("h2", { id: "dialog-title" }, "Token"),
    el("p", { class: "muted" }, "Kept in this tab until it is closed, and sent to this edge alone. ", el("code", {}, "tenon token"), " prints one."),
    el("label", { for: "token-text" }, "Access token"), field,
    el("div", { class: "buttons" },
      el("button", { type: "button", class: "primary", onclick: () => keep(field.value) }, "Use it"),
      el("button", { type: "button", class: "quiet", onclick: () => keep("") }, "Forget it"),
      el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close")),
    spec.doc.paths[SIGN_IN] ? signIn(keep) : null,
  ].filter(Boolean);
}

function signIn(keep) {
  const email = el("input", { id: "email", type: "email", autocomplete: "username", required: true });
  const password = el("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const problem = el("p", { class: "problem", role: "alert" });
  const send = async (event) => {
    event.preventDefault();
    const answer = await fetch(SIGN_IN, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: email.value, password: password.value }),
    });
    const body = await answer.json();
    if (answer.ok) keep(body.accessToken);
    else problem.textContent = body.message;
  };
  return el("form", { onsubmit: send }, el("h3", {}, "Or sign in"),
    el("label", { for: "email" }, "Email"), email, el("label", { for: "password" }, "Password"), password, problem,
    el("div", { class: "buttons" }, el("button", { class: "primary" }, "Sign in")));
}
