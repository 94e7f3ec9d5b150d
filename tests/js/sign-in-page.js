// The page with the button and the field by which one signs in by passkey, and who looks at it.

import { ASSERTION, fakeAuthenticator, REQUEST } from "./fake-authenticator.js";
import { calm, fakeTime } from "./fake-time.js";
import { json, tokenAnswer } from "./harness.js";
import { visit } from "./page.js";

export const SIGN_IN = `<form>
    <input name="email"><input name="next" value="/account/security"><input type="checkbox" name="remember" checked>
  </form>
  <div data-passkey-sign-in hidden><button></button><p role="alert"></p></div>`;

/** A user who leaves the browser's question unanswered. */
export const never = () => new Promise(() => {});

/**
 * The page in a browser with passkeys, whose user acts by `user`; `isConditional` says whether the browser can show
 * passkeys as suggestions, and is left out where it does not know of them. `asked` lists what the user was asked.
 */
export async function signInPage(t, { user = async () => ASSERTION, isConditional, routes = {} } = {}) {
  const time = fakeTime(t);
  const { asked, navigator } = fakeAuthenticator(user);
  const PublicKeyCredential = { isConditionalMediationAvailable: isConditional && (async () => isConditional()) };
  const page = await visit(t, "passkey-sign-in", SIGN_IN, {
    navigator,
    globals: { PublicKeyCredential },
    routes: {
      "POST /api/login/passkey/options": () => json(REQUEST),
      "POST /api/login/passkey": () => tokenAnswer(),
      ...routes,
    },
  });
  focus(true);
  const sent = () => page.server.calls.map(({ path }) => path);
  return { ...page, time, asked, sent, message: () => page.said("[role=alert]") };
}

/** Somebody comes to look at the page, or goes away. */
export async function look(isThere) {
  Object.defineProperty(document, "hidden", { value: !isThere, configurable: true });
  document.dispatchEvent(new window.Event("visibilitychange"));
  await calm();
}

/** Whether the page itself has the focus: the browser's own dialog takes it. */
export function focus(isHere) {
  document.hasFocus = () => isHere;
}
