import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { untilAborted } from "../../static/js/evergreen/abort.js";
import { deferred } from "./harness.js";

test("without an abort the promise's own outcome comes through", async () => {
  const { signal } = new AbortController();
  assert.equal(await untilAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(untilAborted(Promise.reject(new Error("no")), signal), /no/);
});

test("an abort ends the wait with its reason", async () => {
  const controller = new AbortController();
  const wait = untilAborted(deferred().promise, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(wait, /enough/);
});

test("nothing is waited for under an aborted signal", async () => {
  await assert.rejects(untilAborted(deferred().promise, AbortSignal.abort(new Error("before"))), /before/);
});

test("no listener stays behind, and a late failure bothers nobody", async () => {
  const controller = new AbortController();
  await untilAborted(Promise.resolve(), controller.signal);
  const late = deferred();
  const wait = untilAborted(late.promise, controller.signal);
  controller.abort();
  await assert.rejects(wait, { name: "AbortError" });
  late.reject(new Error("late"));
  await late.promise.catch(() => {});
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});
