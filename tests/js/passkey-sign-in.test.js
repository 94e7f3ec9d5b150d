// The page script that signs in by passkey: by its button, and by the address field's suggestions.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ASSERTION, EVERY_BYTE, fakeAuthenticator, refuses, REQUEST } from "./fake-authenticator.js";
import { calm, fakeTime } from "./fake-time.js";
import { deferred, json, problem, tokenAnswer, unreachable } from "./harness.js";
import { bodyOf, visit } from "./page.js";

const never = () => new Promise(() => {});

/** Somebody comes to look at the page, or goes away. */
async function look(isThere) {
  Object.defineProperty(document, "hidden", { value: !isThere, configurable: true });
  document.dispatchEvent(new window.Event("visibilitychange"));
  await calm();
}

/** Whether the page itself has the focus: the browser's own dialog takes it. */
function focus(isHere) {
  document.hasFocus = () => isHere;
}

const SIGN_IN = `<form>
    <input name="email"><input name="next" value="/account/security"><input type="checkbox" name="remember" checked>
  </form>
  <div data-passkey-sign-in hidden><button></button><p role="alert"></p></div>`;

async function signInPage(t, { user = async () => ASSERTION, isConditional, routes = {} } = {}) {
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
  test(`a network that fails at ${path} is told in words for people`, async (t) => {
    const { act, message, went } = await signInPage(t, { routes: { [`POST ${path}`]: unreachable } });
    await act("button", "click");
    assert.equal(message(), "We could not be reached. Check your connection and try again.");
    assert.deepEqual(went, []);
  });

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

test("suggestions begin anew before the server forgets their challenge, one ceremony at a time", async (t) => {
  const { asked, sent, time, message } = await signInPage(t, { user: never, isConditional: () => true });
  await time.pass(3600);
  assert.ok(asked.length > 12, `${asked.length} in an hour: the server takes a challenge for five minutes`);
  assert.equal(sent().length, asked.length);
  assert.deepEqual(new Set(asked.map(({ mediation }) => mediation)), new Set(["conditional"]));
  assert.equal(asked.filter(({ signal }) => !signal.aborted).length, 1);
  assert.equal(message(), "");
});

test("who is choosing in the browser's dialog is not interrupted", async (t) => {
  const { asked, time } = await signInPage(t, { user: never, isConditional: () => true });
  focus(false);
  await time.pass(600);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [false]);
  focus(true);
  await time.pass(240);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
});

test("a page that nobody looks at begins none, and begins anew once somebody does", async (t) => {
  const { asked, time } = await signInPage(t, { user: never, isConditional: () => true });
  await look(false);
  await time.pass(3600);
  assert.equal(asked.length, 1);
  await look(true);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
});

test("who only looks elsewhere for a moment keeps the suggestions that are there", async (t) => {
  const { asked, time } = await signInPage(t, { user: never, isConditional: () => true });
  await time.pass(60);
  await look(false);
  await look(true);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [false]);
});

test("suggestions do not break into the button's ceremony, and come back after it beside its words", async (t) => {
  const button = deferred();
  const user = ({ mediation }) => (mediation === "conditional" ? never() : button.promise);
  const { act, asked, time, message } = await signInPage(t, { user, isConditional: () => true });
  await act("button", "click");
  await time.pass(600);
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
  button.reject(new DOMException("The operation failed.", "NotAllowedError"));
  await time.pass(300);
  assert.equal(asked.at(-1).mediation, "conditional");
  assert.equal(message(), "No passkey was used. Sign in with your password, or try again.");
});

test("suggestions whose options the server refuses say nothing, and are tried again later", async (t) => {
  const routes = { "POST /api/login/passkey/options": () => problem(503, "unavailable") };
  const { sent, time, message } = await signInPage(t, { isConditional: () => true, routes });
  assert.equal(sent().length, 1);
  assert.equal(message(), "");
  await time.pass(300);
  assert.equal(sent().length, 2);
});

test("after a passkey that the server refused there are suggestions again, with its words still there", async (t) => {
  const choices = [async () => ASSERTION, never];
  const routes = { "POST /api/login/passkey": () => problem(401, "invalid_passkey") };
  const { asked, message } = await signInPage(t, { user: () => choices.shift()(), isConditional: () => true, routes });
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["conditional", "conditional"]);
  assert.equal(asked[1].signal.aborted, false);
  assert.equal(message(), "Refused: invalid_passkey.");
});

test("a browser that chooses by itself is not refused without end", async (t) => {
  const routes = { "POST /api/login/passkey": () => problem(401, "invalid_passkey") };
  const { asked } = await signInPage(t, { isConditional: () => true, routes });
  await calm();
  assert.equal(asked.length, 2);
});

test("a choice that is refused while the button's ceremony is under way does not end that one", async (t) => {
  const refusal = deferred();
  const user = async ({ mediation }) => (mediation === "conditional" ? ASSERTION : never());
  const routes = { "POST /api/login/passkey": () => refusal.promise };
  const { act, asked } = await signInPage(t, { user, isConditional: () => true, routes });
  await act("button", "click");
  refusal.resolve(problem(401, "invalid_passkey"));
  await calm();
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["conditional", "optional"]);
  assert.equal(asked[1].signal.aborted, false);
});
