// Signing in with a passkey: by the button, or from the suggestions of the address field (conditional UI). Without this
// script, or without passkeys in the browser, there is no such button.

import { credentialToJSON, requestOptions } from "./passkey-json.js";

const part = document.querySelector("[data-passkey-sign-in]");
const button = part?.querySelector("button");
const message = part?.querySelector("[role=alert]");
/** @type {HTMLFormElement | null} */
const form = document.querySelector("main form");

/** @type {AbortController | undefined} The ceremony under way: a browser holds one at a time. */
let ceremony;

/**
 * @param {string} path
 * @param {unknown} body
 */
async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.detail);
  return answer;
}

/** @param {CredentialMediationRequirement} mediation */
async function signIn(mediation) {
  ceremony?.abort();
  const own = new AbortController();
  ceremony = own;
  const publicKey = requestOptions(await post("/api/login/passkey/options", {}));
  if (own.signal.aborted) return;
  const credential = await navigator.credentials.get({ publicKey, mediation, signal: own.signal });
  const remember = form?.elements.namedItem("remember");
  const next = form?.elements.namedItem("next");
  await post("/api/login/passkey", {
    credential: credentialToJSON(credential),
    transport: "cookie",
    remember: !(remember instanceof HTMLInputElement) || remember.checked,
  });
  // The sign-in page leads on whoever is signed in, and only to our own pages. Not a reload: it might send a form again.
  const query = next instanceof HTMLInputElement && next.value ? `?next=${encodeURIComponent(next.value)}` : "";
  location.assign(`/login${query}`);
}

/** @param {CredentialMediationRequirement} mediation */
async function attempt(mediation) {
  try {
    if (message) message.textContent = "";
    await signIn(mediation);
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    // Who closed the browser's window, or has no passkey here, knows; the field's suggestions say nothing by themselves.
    const isSilent = name === "AbortError" || (mediation === "conditional" && name !== "Error");
    if (message && !isSilent) {
      message.textContent =
        name === "NotAllowedError" ? "No passkey was used. Sign in with your password, or try again." : String(error instanceof Error ? error.message : error);
    }
  }
}

if (part instanceof HTMLElement && button && "PublicKeyCredential" in window) {
  part.hidden = false;
  button.addEventListener("click", () => attempt("optional"));
  PublicKeyCredential.isConditionalMediationAvailable?.().then((isThere) => {
    if (isThere && !ceremony) attempt("conditional");
  });
}
