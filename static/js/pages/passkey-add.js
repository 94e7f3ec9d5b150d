// Adding a passkey on the security page. The client of the product's own API does the talking.

import { createAuth } from "../evergreen/index.js";
import { creationOptions, credentialToJSON } from "./passkey-json.js";

/** @type {HTMLFormElement | null} */
const form = document.querySelector("form[data-passkey-add]");
const message = form?.querySelector("[role=alert]");

/** @type {import("../evergreen/index.js").Auth | undefined} Made at the first attempt: most who come here make none. */
let ownAuth;

/**
 * @param {import("../evergreen/index.js").Auth} auth
 * @param {string} path
 * @param {unknown} body
 */
async function post(auth, path, body) {
  const headers = { "Content-Type": "application/json" };
  const reply = await auth.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await reply.json();
  if (answer.code === "reauthentication_required") location.assign("/account/confirm?next=/account/security");
  if (!reply.ok) throw new Error(Object.values(answer.errors ?? {}).flat().join(" ") || answer.detail);
  return answer;
}

/** @param {string} name */
async function add(name) {
  // Who was signed out since may have signed in again, in another tab.
  if (ownAuth && !ownAuth.user) await ownAuth.refresh();
  ownAuth ??= createAuth({ baseURL: "/api" });
  const publicKey = creationOptions(await post(ownAuth, "/api/passkeys/options", {}));
  const credential = await navigator.credentials.create({ publicKey });
  await post(ownAuth, "/api/passkeys", { name, credential: credentialToJSON(credential) });
  location.assign("/account/security"); // not a reload: it might send a form again
}

if (form && "PublicKeyCredential" in window) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = form.elements.namedItem("name");
    try {
      if (message) message.textContent = "";
      await add(field instanceof HTMLInputElement ? field.value : "");
    } catch (error) {
      if (!message) return;
      const name = error instanceof Error ? error.name : "";
      if (name === "NotAllowedError") message.textContent = "No passkey was made. Try again when you are ready.";
      else if (name === "InvalidStateError") message.textContent = "This device has a passkey for your account already.";
      else message.textContent = error instanceof Error ? error.message : String(error);
    }
  });
}
