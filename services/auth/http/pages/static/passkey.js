// Asks the browser for a passkey where a form wants one. The form carries the options and takes the answer, so that
// nothing is fetched: without this script, or without passkeys, the form stays hidden and its notice is shown.
"use strict";

(() => {
  const forms = document.querySelectorAll("form[data-passkey]");
  if (!window.PublicKeyCredential || !window.isSecureContext) return;

  const decode = (text) => {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  };
  const encode = (buffer) => {
    let binary = "";
    for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
    return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const withIds = (list) => (list || []).map((one) => ({ ...one, id: decode(one.id) }));

  const optionsOf = (json) => {
    const options = { ...json, challenge: decode(json.challenge) };
    if (json.user) options.user = { ...json.user, id: decode(json.user.id) };
    if (json.excludeCredentials) options.excludeCredentials = withIds(json.excludeCredentials);
    if (json.allowCredentials) options.allowCredentials = withIds(json.allowCredentials);
    return options;
  };

  const answerOf = (credential) => {
    const from = credential.response;
    const response = { clientDataJSON: encode(from.clientDataJSON) };
    if (from.attestationObject) {
      response.attestationObject = encode(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = encode(from.authenticatorData);
      response.signature = encode(from.signature);
      response.userHandle = from.userHandle ? encode(from.userHandle) : null;
    }
    return {
      id: credential.id,
      rawId: encode(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment || null,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    };
  };

  const ask = async (form) => {
    const publicKey = optionsOf(JSON.parse(form.dataset.options));
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    form.elements.namedItem("credential").value = JSON.stringify(answerOf(credential));
  };

  for (const form of forms) {
    const said = form.querySelector("[data-said]");
    form.hidden = false;
    document.querySelectorAll("[data-without-passkeys]").forEach((one) => { one.hidden = true; });
    form.addEventListener("submit", async (event) => {
      if (form.elements.namedItem("credential").value) return;
      event.preventDefault();
      said.textContent = "Follow your browser's instructions.";
      try {
        await ask(form);
      } catch (error) {
        said.textContent = error.name === "InvalidStateError"
          ? "This passkey is registered already."
          : "No passkey was used. Try again, or choose another way.";
        return;
      }
      form.requestSubmit();
    });
  }
})();
