// The timer by itself: it rings for the last setting, and for every sign of life.

import assert from "node:assert/strict";
import { test } from "node:test";

import { setUpAlarm } from "../../static/js/evergreen/alarm.js";
import { fakePage } from "./fake-page.js";
import { calm, fakeTime } from "./fake-time.js";

const LONGEST_MS = 2 ** 31 - 1;

test("a timer that is a number, as in browsers, will do", (t) => {
  t.mock.method(globalThis, "setTimeout", () => 1);
  setUpAlarm(() => {})(1000);
});

test("the alarm rings for the last setting only, and for every sign of life", async (t) => {
  const page = fakePage(t);
  const time = fakeTime(t);
  let rings = 0;
  const set = setUpAlarm(() => (rings += 1));
  assert.deepEqual(page.heard, ["visibilitychange", "online", "pageshow"]);
  for (const delay of [1000, 2000, 5000]) set(delay);
  await time.pass(4.9);
  assert.equal(rings, 0);
  await time.pass(10);
  assert.equal(rings, 1);
  await page.wake("pageshow");
  assert.equal(rings, 2);
  set(Infinity);
  await calm();
  assert.equal(time.delays.at(-1), LONGEST_MS);
});
