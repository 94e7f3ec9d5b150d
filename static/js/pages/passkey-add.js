// Adding a passkey on the security page. The client of the product's own API does the talking.

import { createAuth } from "../evergreen/index.js";
import { creationOptions, credentialToJSON } from "./passkey-json.js";
import { isTooOld, reach, reachForJSON } from "./reach.js";

/** @type {HTMLFormElement | null} */
const form = document.querySelector("form[data-passkey-add]");
/** @type {HTMLInputElement | null | undefined} */
const field = form?.querySelector("[name=name]");
const message = form?.querySelector("[role=alert]");
/** @type {HTMLElement | null} */
const tooOld = document.querySelector("[data-passkey-too-old]");

/** As the server judges it: control characters, line breaks, and what turns the reading direction. */
const INVISIBLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;

/** @type {Record<string, string>} What the browser says, in words for people. */
const WORDS = {
  NotAllowedError: "No passkey was made. Try again when you are ready.",
  InvalidStateError: "This device has a passkey for your account already.",
};

/** @type {import("../evergreen/index.js").Auth | undefined} Made at the first attempt: most who come here make none. */
let ownAuth;

/** What is wrong with the name, which stands beside its field. */
class NameError extends Error {}

/**
 * @param {import("../evergreen/index.js").Auth} auth
 * @param {string} path
 * @param {unknown} body
 */
async function post(auth, path, body) {
  const headers = { "Content-Type": "application/json" };
  const { isOk, answer } = await reachForJSON(() =>
    auth.fetch(path, { method: "POST", headers, body: JSON.stringify(body) }),
  );
  if (answer.code === "reauthentication_required") location.assign("/account/confirm?next=/account/security");
  if (answer.errors?.name) throw new NameError(answer.errors.name.join(" "));
  if (!isOk) throw new Error(Object.values(answer.errors ?? {}).flat().join(" ") || answer.detail);
  return answer;
}

/** @param {string} name  @param {number} most Before anybody has to show a finger or a face. */
function check(name, most) {
  const length = [...name.trim()].length;
  if (length >= 1 && length <= most && !INVISIBLE.test(name.trim())) return;
  throw new NameError(`Use 1 to ${most} characters, all of which can be seen.`);
}

/** @param {string} name */
async function add(name) {
  const auth = ownAuth;
  // Who was signed out since may have signed in again, in another tab.
  if (auth && !auth.user) await reach(() => auth.refresh());
  ownAuth ??= createAuth({ baseURL: "/api" });
  const publicKey = creationOptions(await post(ownAuth, "/api/passkeys/options", {}));
  const credential = await navigator.credentials.create({ publicKey });
  await post(ownAuth, "/api/passkeys", { name, credential: credentialToJSON(credential) });
  location.assign("/account/security?added=passkey"); // not a reload: it might send a form again
}

/** @param {unknown} error Nothing yet if it is left out. */
function say(error) {
  const isAboutName = error instanceof NameError;
  if (message) message.textContent = error instanceof Error ? (WORDS[error.name] ?? error.message) : "";
  if (!isAboutName) field?.removeAttribute("aria-invalid");
  else field?.setAttribute("aria-invalid", "true");
  if (isAboutName) field?.focus();
}

if (form && field && "PublicKeyCredential" in window) {
  form.hidden = isTooOld();
  if (tooOld) tooOld.hidden = !isTooOld();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(undefined);
    try {
      check(field.value, Number(field.dataset.most));
      await add(field.value);
    } catch (error) {
      say(error);
    }
  });
}
