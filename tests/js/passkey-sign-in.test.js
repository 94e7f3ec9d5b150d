// The page script that signs in by passkey: by its button, and by the address field's suggestions.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ASSERTION, EVERY_BYTE, fakeAuthenticator, refuses, REQUEST } from "./fake-authenticator.js";
import { calm } from "./fake-time.js";
import { deferred, json, problem, tokenAnswer } from "./harness.js";
import { bodyOf, visit } from "./page.js";

const never = () => new Promise(() => {});

const SIGN_IN = `<form>
    <input name="email"><input name="next" value="/account/security"><input type="checkbox" name="remember" checked>
  </form>
  <div data-passkey-sign-in hidden><button></button><p role="alert"></p></div>`;

async function signInPage(t, { user = async () => ASSERTION, isConditional, routes = {} } = {}) {
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
  const sent = () => page.server.calls.map(({ path }) => path);
  return { ...page, asked, sent, message: () => page.said("[role=alert]") };
}

test("without passkeys in the browser there is no such button, and nothing is asked of the server", async (t) => {
  const page = await visit(t, "passkey-sign-in", SIGN_IN);
  assert.equal(page.find("[data-passkey-sign-in]").hidden, true);
  assert.equal(page.server.calls.length, 0);
});

test("the button signs in by passkey, and leads on by asking for a page anew", async (t) => {
  const { find, act, asked, server, went, message } = await signInPage(t);
  assert.equal(find("[data-passkey-sign-in]").hidden, false);
  assert.equal(server.calls.length, 0);
  await act("button", "click");
  assert.deepEqual([...new Uint8Array(asked[0].publicKey.challenge)], [...EVERY_BYTE]);
  assert.equal(asked[0].publicKey.userVerification, "required");
  assert.equal(asked[0].mediation, "optional");
  const sent = await bodyOf(server.calls[1]);
  assert.equal(sent.transport, "cookie");
  assert.equal(sent.remember, true);
  assert.equal(sent.credential.response.signature, "AgM");
  assert.equal(went.length, 1);
  assert.equal(message(), "");
});

test("after the sign-in the page is left by an address that keeps `next`, never sent again as it was", async (t) => {
  const { act, went } = await signInPage(t);
  await act("button", "click");
  assert.deepEqual(went, ["/login?next=%2Faccount%2Fsecurity"]);
});

test("a session that is not to be remembered is asked for as such", async (t) => {
  const { act, find, server } = await signInPage(t);
  find("[name=remember]").checked = false;
  await act("button", "click");
  assert.equal((await bodyOf(server.calls[1])).remember, false);
});

test("who closes the browser's window is told how to go on", async (t) => {
  const { act, message, went, sent } = await signInPage(t, { user: refuses("NotAllowedError") });
  await act("button", "click");
  assert.equal(message(), "No passkey was used. Sign in with your password, or try again.");
  assert.deepEqual(sent(), ["/api/login/passkey/options"]);
  assert.deepEqual(went, []);
});

test("a second attempt begins without the words of the first", async (t) => {
  const answers = [refuses("NotAllowedError"), never];
  const { act, message } = await signInPage(t, { user: () => answers.shift()() });
  await act("button", "click");
  await act("button", "click");
  assert.equal(message(), "");
});

test("a second click begins anew, and says nothing of the first", async (t) => {
  const { act, asked, message } = await signInPage(t, { user: never });
  await act("button", "click");
  await act("button", "click");
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
  assert.equal(message(), "");
});

for (const path of ["/api/login/passkey/options", "/api/login/passkey"]) {
  test(`the server's own words are shown when it refuses at ${path}`, async (t) => {
    const routes = { [`POST ${path}`]: () => problem(401, "invalid_credentials") };
    const { act, message, went } = await signInPage(t, { routes });
    await act("button", "click");
    assert.equal(message(), "Refused: invalid_credentials.");
    assert.deepEqual(went, []);
  });
}

for (const [what, isConditional] of [
  ["does not know of them", undefined],
  ["cannot show them", () => false],
]) {
  test(`passkeys are no suggestions of the address field if the browser ${what}`, async (t) => {
    const { asked, server } = await signInPage(t, { isConditional });
    assert.equal(asked.length, 0);
    assert.equal(server.calls.length, 0);
  });
}

test("a passkey chosen among the address field's suggestions signs in", async (t) => {
  const { asked, went, sent } = await signInPage(t, { isConditional: () => true });
  assert.equal(asked[0].mediation, "conditional");
  assert.deepEqual(sent(), ["/api/login/passkey/options", "/api/login/passkey"]);
  assert.equal(went.length, 1);
});

test("the button ends the suggestions, silently: a browser holds one ceremony at a time", async (t) => {
  const user = ({ mediation }) => (mediation === "conditional" ? never() : refuses("InvalidStateError")());
  const { act, asked, message } = await signInPage(t, { user, isConditional: () => true });
  assert.equal(asked[0].signal.aborted, false);
  await act("button", "click");
  assert.equal(asked[0].signal.aborted, true);
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["conditional", "optional"]);
  assert.equal(asked[1].signal.aborted, false);
  assert.equal(message(), "The operation failed.");
});

test("a click before the suggestions are ready leaves one ceremony, the button's", async (t) => {
  const slow = deferred();
  const answers = [slow.promise, json(REQUEST)];
  const routes = { "POST /api/login/passkey/options": () => answers.shift() };
  const { act, asked } = await signInPage(t, { user: never, isConditional: () => true, routes });
  await act("button", "click");
  slow.resolve(json(REQUEST));
  await calm();
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["optional"]);
});

test("a click before the browser has told about suggestions leaves one ceremony, too", async (t) => {
  const told = deferred();
  const { act, asked } = await signInPage(t, { user: never, isConditional: () => told.promise });
  await act("button", "click");
  told.resolve(true);
  await calm();
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["optional"]);
});

for (const name of ["AbortError", "NotAllowedError", "SecurityError"]) {
  test(`suggestions that end with ${name} say nothing`, async (t) => {
    const { message } = await signInPage(t, { user: refuses(name), isConditional: () => true });
    assert.equal(message(), "");
  });
}

test("a passkey from the suggestions that the server refuses is told", async (t) => {
  const routes = { "POST /api/login/passkey": () => problem(401, "invalid_credentials") };
  const { message } = await signInPage(t, { isConditional: () => true, routes });
  assert.equal(message(), "Refused: invalid_credentials.");
});
