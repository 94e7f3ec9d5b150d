// The page script that signs in by passkey: by the address field's suggestions, which begin anew as long as they may.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ASSERTION, refuses, REQUEST } from "./fake-authenticator.js";
import { calm } from "./fake-time.js";
import { deferred, json, problem } from "./harness.js";
import { focus, look, never, signInPage } from "./sign-in-page.js";

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
