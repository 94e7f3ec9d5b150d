// A replaced XMLHttpRequest is as strict as the original: what may be called when, and opening anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { installXMLHttpRequest } from "../../static/js/evergreen/index.js";
import { calm } from "./fake-time.js";
import { BASE, deferred, problem, tokenAnswer } from "./harness.js";
import { FRESH, ME, opened, refusal, run, waiting, xhrWorld } from "./xhr-world.js";

const invalidState = { name: "InvalidStateError" };

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

/** As in React Native: written in JavaScript, and its state is a property like any other. */
class Plain extends EventTarget {
  constructor() {
    super();
    this.readyState = 0;
    this.DONE = 4;
    this.responseURL = ME;
  }

  open() {
    this.readyState = 1;
    this.status = 0;
  }

  setRequestHeader() {}

  send() {
    Object.assign(this, { readyState: this.DONE, status: refusal.status });
    for (const type of ["readystatechange", "load", "loadend"]) this.dispatchEvent(new Event(type));
  }

  getResponseHeader(name) {
    return refusal.headers[name] ?? null;
  }
}

test("an original that sets its own state is replaced like the engine's", async () => {
  const { auth } = await xhrWorld({ routes: { "POST /api/refresh": () => problem(503, "unavailable") } });
  const scope = { XMLHttpRequest: Plain };
  installXMLHttpRequest(auth, scope);
  const xhr = new scope.XMLHttpRequest();
  const failed = new Promise((resolve) => xhr.addEventListener("error", resolve));
  xhr.open("GET", ME);
  xhr.send();
  await failed;
  assert.deepEqual([xhr.readyState, xhr.status], [4, 0]);
  xhr.open("GET", ME);
  assert.equal(xhr.readyState, 1);
});
