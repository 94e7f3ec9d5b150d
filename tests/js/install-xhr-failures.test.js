// What a caller of a replaced XMLHttpRequest sees where a refusal cannot be mended, or no answer comes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { calm } from "./fake-time.js";
import { over, problem, tokenAnswer } from "./harness.js";
import { asked, FRESH, ONE_CALL, refusal, run, unrestored, xhrWorld } from "./xhr-world.js";

/** What a request without an answer tells its caller. */
const NETWORK_ERROR = ["readystatechange 1", "loadstart", "readystatechange 4", "error", "loadend"];

test("a second refusal is the caller's", async () => {
  const { scope, sent } = await xhrWorld({ answer: () => refusal });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.equal(xhr.status, 401);
  assert.deepEqual(listened, ONE_CALL);
  assert.equal(sent.length, 2);
});

test("when the session is over the caller sees the 401, with its body", async () => {
  const { scope, sent, auth, events } = await xhrWorld({ routes: { "POST /api/refresh": () => over() } });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.equal(xhr.status, 401);
  assert.equal(xhr.responseText, refusal.body);
  assert.deepEqual(listened, ["readystatechange 1", "loadstart", "readystatechange 4", "load", "loadend"]);
  assert.equal(sent.length, 1);
  assert.equal(auth.user, null);
  assert.deepEqual(events, ["signedout ended"]);
});

test("a refresh that fails in passing is a network error to the caller, and signs nobody out", async () => {
  const routes = { "POST /api/refresh": () => problem(503, "unavailable") };
  const { scope, sent, auth, events } = await xhrWorld({ routes });
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.deepEqual(handled, listened);
  assert.deepEqual(
    [xhr.status, xhr.responseText, xhr.responseURL, xhr.getResponseHeader("WWW-Authenticate")],
    [0, "", "", null],
  );
  assert.equal(sent.length, 1);
  assert.notEqual(auth.user, null);
  assert.deepEqual(events, []);
});

test("while it is not known whether somebody is signed in, a 401 is a network error to the caller", async () => {
  const { scope, sent } = await unrestored({ answer: () => asked });
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.deepEqual(handled, listened);
  assert.equal(xhr.status, 0);
  assert.equal(sent.length, 1);
});

test("after a refresh that failed in passing the call is over, and the object good for the next one", async () => {
  const routes = { "POST /api/refresh": () => problem(503, "unavailable") };
  const { scope, auth, now, routes: answers } = await xhrWorld({ routes });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  xhr.abort();
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.throws(() => xhr.send(), { name: "InvalidStateError" });
  answers["POST /api/refresh"] = () => tokenAnswer(FRESH);
  now.forward(5);
  await auth.refresh();
  await run(xhr);
  assert.equal(xhr.status, 200);
});

for (const breaks of ["error", "timeout"]) {
  test(`a refusal that breaks off with "${breaks}" is that to the caller, once`, async () => {
    const { scope } = await xhrWorld({ answer: () => ({ ...refusal, breaks }) });
    const { listened } = await run(new scope.XMLHttpRequest());
    await calm();
    assert.deepEqual(
      listened.filter((type) => !type.startsWith("readystatechange")),
      ["loadstart", breaks, "loadend"],
    );
  });
}

test("a broken connection is the caller's", async () => {
  const { scope } = await xhrWorld({ answer: () => new Error("down") });
  const { listened } = await run(new scope.XMLHttpRequest());
  assert.deepEqual(listened, NETWORK_ERROR);
});
