// The page script that signs in by passkey: by its button.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVERY_BYTE, refuses } from "./fake-authenticator.js";
import { problem, unreachable } from "./harness.js";
import { bodyOf, visit } from "./page.js";
import { never, SIGN_IN, signInPage } from "./sign-in-page.js";

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
