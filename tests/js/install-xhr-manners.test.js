// What a replaced XMLHttpRequest leaves alone, and that it is as strict as the original.

import assert from "node:assert/strict";
import { test } from "node:test";

import { calm } from "./fake-time.js";
import { BASE, deferred, problem, tokenAnswer } from "./harness.js";
import { FRESH, ME, ONE_CALL, refusal, run, watch, xhrWorld } from "./xhr-world.js";

const invalidState = { name: "InvalidStateError" };
const opened = ({ scope }, ...opening) => {
  const xhr = new scope.XMLHttpRequest();
  const seen = watch(xhr);
  xhr.open("GET", ME, ...opening);
  return { xhr, ...seen };
};

/** A token that is due, and a refresh that the test answers: a call has to wait before it is sent. */
async function waiting(options) {
  const answer = deferred();
  const world = await xhrWorld({ routes: { "POST /api/refresh": () => answer.promise }, ...options });
  world.now.forward(86_390);
  return { ...world, answer };
}

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

test("a call that is aborted while it waits for a token is never sent, and says so once", async () => {
  const world = await waiting();
  const { xhr, listened, handled } = opened(world);
  xhr.send();
  await calm();
  xhr.abort();
  world.answer.resolve(tokenAnswer(FRESH));
  await calm();
  assert.deepEqual(world.sent, []);
  assert.deepEqual(listened, ["readystatechange 1", "abort", "loadend"]);
  assert.deepEqual(handled, listened);
});

test("a call that is aborted between its two tries is not sent again, and says so once", async () => {
  const answer = deferred();
  const world = await xhrWorld({ routes: { "POST /api/refresh": () => answer.promise } });
  const { xhr, listened } = opened(world);
  xhr.send();
  await calm();
  await calm();
  assert.equal(world.server.sent("/api/refresh").length, 1);
  xhr.abort();
  answer.resolve(tokenAnswer(FRESH));
  await calm();
  assert.equal(world.sent.length, 1);
  assert.deepEqual(listened, ["readystatechange 1", "loadstart", "abort", "loadend"]);
});

for (const attempt of ["first", "second"]) {
  test(`a call that is aborted during its ${attempt} try is aborted as the original would be`, async () => {
    const never = new Promise(() => {});
    const world = await xhrWorld({ answer: attempt === "first" ? () => never : secondIs(never) });
    const { xhr, listened } = opened(world);
    xhr.send();
    await calm();
    await calm();
    const { length } = world.sent;
    xhr.abort();
    await calm();
    assert.equal(world.sent.length, length);
    assert.equal(world.sent.at(-1).isAborted, true);
    assert.deepEqual(listened, ["readystatechange 1", "loadstart", "readystatechange 4", "abort", "loadend"]);
  });
}

test("a call that is aborted while its refusal comes in says so once, and is not sent again", async () => {
  const world = await xhrWorld({ answer: () => refusal });
  const { xhr, listened } = opened(world);
  const isComing = new Promise((resolve) => {
    const { dispatchEvent } = xhr;
    xhr.dispatchEvent = (event) => {
      dispatchEvent.call(xhr, event);
      if (xhr.readyState === xhr.LOADING) resolve();
    };
  });
  xhr.send();
  await isComing;
  xhr.abort();
  await calm();
  assert.equal(world.sent.length, 1);
  assert.deepEqual(listened, ["readystatechange 1", "loadstart", "readystatechange 4", "abort", "loadend"]);
});

/** Refuses the first, and answers the second by `promise`. */
function secondIs(promise) {
  let count = 0;
  return () => ((count += 1) === 1 ? refusal : promise);
}

test("abort() before anything and after everything is silent, as with the original", async () => {
  const world = await xhrWorld({ answer: () => ({}) });
  const xhr = new world.scope.XMLHttpRequest();
  xhr.abort();
  const { listened } = await run(xhr);
  xhr.abort();
  await calm();
  assert.deepEqual(listened, ONE_CALL);
});

test("a call that is opened anew while it waits is the new one", async () => {
  const world = await waiting();
  const { xhr } = opened(world);
  xhr.send("old");
  await calm();
  xhr.open("POST", `${BASE}/things`);
  xhr.send("new");
  world.answer.resolve(tokenAnswer(FRESH));
  await calm();
  await calm();
  assert.deepEqual(
    world.sent.map(({ method, body }) => [method, body]),
    [["POST", "new"]],
  );
});

test("a call that is opened anew between two tries is the new one", async () => {
  const answer = deferred();
  const world = await xhrWorld({ routes: { "POST /api/refresh": () => answer.promise } });
  const { xhr } = opened(world);
  xhr.send("old");
  await calm();
  await calm();
  xhr.open("POST", "https://other.test/");
  answer.resolve(tokenAnswer(FRESH));
  await calm();
  xhr.send("new");
  await calm();
  assert.deepEqual(
    world.sent.map(({ body }) => body),
    ["old", "new"],
  );
});

for (const [what, makeWorld] of [
  ["waits for a token", waiting],
  ["is under way", () => xhrWorld({ answer: () => new Promise(() => {}) })],
]) {
  test(`while a call ${what} neither send() nor setRequestHeader() is allowed`, async () => {
    const world = await makeWorld();
    const { xhr } = opened(world);
    xhr.send();
    assert.throws(() => xhr.send(), invalidState);
    assert.throws(() => xhr.setRequestHeader("X-One", "1"), invalidState);
    await calm();
    assert.throws(() => xhr.send(), invalidState);
    assert.throws(() => xhr.setRequestHeader("X-One", "1"), invalidState);
    await calm();
    assert.ok(world.sent.length <= 1);
  });
}

test("between two tries neither send() nor setRequestHeader() is allowed", async () => {
  const world = await xhrWorld({ routes: { "POST /api/refresh": () => new Promise(() => {}) } });
  const { xhr } = opened(world);
  xhr.send();
  await calm();
  await calm();
  assert.throws(() => xhr.send(), invalidState);
  assert.throws(() => xhr.setRequestHeader("X-One", "1"), invalidState);
});

test("send() without open(), and after the end, is refused as by the original", async () => {
  const { scope } = await xhrWorld({ answer: () => ({}) });
  const xhr = new scope.XMLHttpRequest();
  assert.throws(() => xhr.send(), invalidState);
  await run(xhr);
  assert.throws(() => xhr.send(), invalidState);
  assert.throws(() => xhr.setRequestHeader("X-One", "1"), invalidState);
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

test("undo leaves an XMLHttpRequest that somebody else has put there", async () => {
  const { scope, undo } = await xhrWorld();
  class Theirs extends scope.XMLHttpRequest {}
  scope.XMLHttpRequest = Theirs;
  undo();
  assert.equal(scope.XMLHttpRequest, Theirs);
});

test("a call that was begun before undo is finished as it was begun", async () => {
  const { scope, undo } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  const end = run(xhr);
  undo();
  await end;
  assert.equal(xhr.status, 200);
});
