// An abort of a call by a replaced XMLHttpRequest ends it wherever it is, and says so once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { calm } from "./fake-time.js";
import { deferred, tokenAnswer } from "./harness.js";
import { FRESH, ONE_CALL, opened, refusal, run, waiting, xhrWorld } from "./xhr-world.js";

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
