// Signing in with a passkey: by the button, or from the suggestions of the address field (conditional UI). Without this
// script, or without passkeys in the browser, there is no such button.

import { credentialToJSON, requestOptions } from "./passkey-json.js";
import { reachForJSON } from "./reach.js";

const part = document.querySelector("[data-passkey-sign-in]");
const button = part?.querySelector("button");
const message = part?.querySelector("[role=alert]");
/** @type {HTMLFormElement | null} */
const form = document.querySelector("main form");

/** How long suggestions may stand: the server takes their challenge for five minutes. */
const FRESH_MS = 4 * 60_000;

/** @type {AbortController | undefined} The ceremony under way: a browser holds one at a time. */
let ceremony;
/** How many ceremonies of the button are not over yet. */
let pressed = 0;
/** Whether it is time for suggestions: the last are old, or there were none. */
let isStale = true;

/**
 * @param {string} path
 * @param {unknown} body
 */
async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  const { isOk, answer } = await reachForJSON(() => fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
  if (!isOk) throw new Error(answer.detail);
  return answer;
}

/** @param {CredentialMediationRequirement} mediation */
async function choose(mediation) {
  ceremony?.abort();
  ceremony = new AbortController();
  const { signal } = ceremony;
  const publicKey = requestOptions(await post("/api/login/passkey/options", {}));
  signal.throwIfAborted();
  return navigator.credentials.get({ publicKey, mediation, signal });
}

/** @param {Credential | null} credential */
async function signIn(credential) {
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

/**
 * @param {CredentialMediationRequirement} mediation
 * @returns {Promise<boolean>} whether a passkey was chosen in vain
 */
async function attempt(mediation) {
  let isChosen = false;
  try {
    const credential = await choose(mediation);
    isChosen = true;
    await signIn(credential);
    return false;
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    // Who closed the browser's window, or has no passkey here, knows; the field's suggestions say nothing by themselves.
    const isSilent = name === "AbortError" || (mediation === "conditional" && !isChosen);
    if (message && !isSilent) {
      message.textContent =
        name === "NotAllowedError" ? "No passkey was used. Sign in with your password, or try again." : String(error instanceof Error ? error.message : error);
    }
    return isChosen;
  }
}

async function press() {
  if (message) message.textContent = "";
  pressed += 1;
  await attempt("optional");
  pressed -= 1;
}

async function suggest() {
  if (!isStale || pressed || document.hidden) return;
  isStale = false;
  // The choice has taken the suggestions away. Once only: a browser might choose by itself, again and again.
  if ((await attempt("conditional")) && !pressed) await attempt("conditional");
}

/** Begin the suggestions anew before their challenge ends; where nobody is looking, once somebody does. */
function renew() {
  isStale = true;
  // The browser's own dialog takes the focus: who is choosing there must not have it closed under their hands.
  if (document.hasFocus()) suggest();
  setTimeout(renew, FRESH_MS);
}

if (part instanceof HTMLElement && button && "PublicKeyCredential" in window) {
  part.hidden = false;
  button.addEventListener("click", press);
  PublicKeyCredential.isConditionalMediationAvailable?.().then((isThere) => {
    if (!isThere) return;
    suggest();
    setTimeout(renew, FRESH_MS);
    document.addEventListener("visibilitychange", suggest);
  });
}
