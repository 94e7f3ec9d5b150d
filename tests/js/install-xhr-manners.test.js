// What a replaced XMLHttpRequest leaves alone: what is not its own, and what was there before it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BASE, problem, tokenAnswer } from "./harness.js";
import { FRESH, ME, ONE_CALL, refusal, run, xhrWorld } from "./xhr-world.js";

test("a call elsewhere is the original's, with what it answers", async () => {
  const { scope, tokens, server } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr, { url: "https://other.test/api/me" });
  assert.deepEqual(tokens(), [undefined]);
  assert.equal(xhr.status, 401);
  assert.deepEqual(listened, ONE_CALL);
  assert.deepEqual(server.calls, []);
});

for (const name of ["Authorization", "authorization", "AUTHORIZATION"]) {
  test(`a caller's own ${name} header stays: no token, no repeat, no adoption`, async () => {
    const answer = () => ({ ...refusal, headers: { ...refusal.headers, "X-New-Token": FRESH } });
    const { scope, tokens, auth, token } = await xhrWorld({ answer });
    const xhr = new scope.XMLHttpRequest();
    await run(xhr, { headers: { [name]: "Basic abc" } });
    assert.deepEqual(tokens(), ["Basic abc"]);
    assert.equal(xhr.status, 401);
    assert.equal(auth.accessToken, token);
  });
}

test("a synchronous call is the original's: it cannot wait", async () => {
  const { scope, tokens, sent } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  xhr.open("GET", ME, false);
  xhr.send();
  assert.equal(xhr.status, 401);
  assert.deepEqual(tokens(), [undefined]);
  assert.equal(sent[0].isAsync, false);
});

test("where nobody is signed in a call goes without a token, and a 401 is the caller's", async () => {
  const { scope, tokens, auth } = await xhrWorld({ routes: { "POST /api/logout": () => new Response(null) } });
  await auth.logout();
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.deepEqual(tokens(), [undefined]);
  assert.equal(xhr.status, 401);
  assert.deepEqual(listened.slice(-3), ["readystatechange 4", "load", "loadend"]);
});

test("after a failed refresh the object may be used again", async () => {
  const { scope, routes, now } = await xhrWorld({ routes: { "POST /api/refresh": () => problem(503, "unavailable") } });
  const xhr = new scope.XMLHttpRequest();
  await run(xhr);
  now.forward(10);
  routes["POST /api/refresh"] = () => tokenAnswer(FRESH);
  const { listened } = await run(xhr);
  assert.equal(xhr.status, 200);
  assert.equal(listened.filter((type) => type === "load").length, 1);
});

test("two auths in one page keep to their own base", async () => {
  const { scope, auth, tokens, sent } = await xhrWorld({ answer: () => ({}) });
  await run(new scope.XMLHttpRequest(), { url: "https://app.test/apiary" });
  await run(new scope.XMLHttpRequest(), { url: `${BASE}/../other` });
  await run(new scope.XMLHttpRequest(), { url: new URL(ME) });
  assert.deepEqual(tokens(), [undefined, undefined, `Bearer ${auth.accessToken}`]);
  assert.equal(sent.length, 3);
});

test("undo leaves an XMLHttpRequest that somebody else has put there, and ours lets everything pass", async () => {
  const { scope, undo, tokens, server } = await xhrWorld();
  const Theirs = class extends scope.XMLHttpRequest {};
  scope.XMLHttpRequest = Theirs;
  undo();
  assert.equal(scope.XMLHttpRequest, Theirs);
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.deepEqual(tokens(), [undefined]);
  assert.equal(xhr.status, 401);
  assert.deepEqual(listened, ONE_CALL);
  assert.deepEqual(server.calls, []);
});

test("a call that was begun before undo is finished as it was begun", async () => {
  const { scope, undo } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  const end = run(xhr);
  undo();
  await end;
  assert.equal(xhr.status, 200);
});
