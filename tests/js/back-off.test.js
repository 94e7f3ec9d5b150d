// How long a server that fails is left in peace: as long as it asks for, else longer each time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createBackOff } from "../../static/js/evergreen/back-off.js";
import { fakeClock } from "./harness.js";

const HOUR = 3600;

/** A back-off on a clock of its own; `random` is what Math.random gives, from 0 to 1. */
function alone(t, random = 0) {
  t.mock.method(Math, "random", () => random);
  const now = fakeClock();
  const backOff = createBackOff(now);
  return { now, backOff, seconds: () => backOff.left() / 1000 };
}

test("there is nothing to wait for at first", (t) => {
  const { backOff, seconds } = alone(t);
  assert.ok(!(seconds() > 0));
  assert.equal(backOff.error, null);
});

test("what the server asks for is waited for, and up to half of it more", (t) => {
  for (const [random, least, most] of [
    [0, 20, 20],
    [0.5, 20, 30],
    [0.999, 20, 30],
  ]) {
    const { backOff, seconds } = alone(t, random);
    backOff.add(Object.assign(new Error(), { retryAfter: 20 }));
    assert.ok(seconds() >= least && seconds() <= most, `${seconds()} s`);
    t.mock.restoreAll();
  }
});

test("not everybody comes back at the same moment", (t) => {
  const waits = [0, 0.3, 0.9].map((random) => {
    const { backOff, seconds } = alone(t, random);
    backOff.add(new Error());
    t.mock.restoreAll();
    return seconds();
  });
  assert.equal(new Set(waits).size, 3);
});

test("without a word from the server each wait is twice the one before, a minute at most", (t) => {
  const { now, backOff, seconds } = alone(t);
  const waits = Array.from({ length: 10 }, () => {
    backOff.add(new Error());
    const wait = seconds();
    now.forward(wait);
    return wait;
  });
  assert.deepEqual(waits, [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("however long a server has failed, the wait stays a number", (t) => {
  const { backOff, seconds } = alone(t);
  for (let count = 0; count < 3000; count += 1) backOff.add(new Error());
  assert.equal(seconds(), 60);
});

test("time that passes is time that was waited", (t) => {
  const { now, backOff, seconds } = alone(t);
  backOff.add(Object.assign(new Error(), { retryAfter: 10 }));
  now.forward(4);
  assert.equal(seconds(), 6);
  now.forward(6);
  assert.ok(!(seconds() > 0));
});

test("a success clears the wait, and the next one is short again", (t) => {
  const { backOff, seconds } = alone(t);
  for (let count = 0; count < 5; count += 1) backOff.add(new Error("down"));
  assert.equal(backOff.error.message, "down");
  backOff.clear();
  assert.ok(!(seconds() > 0));
  assert.equal(backOff.error, null);
  backOff.add(new Error());
  assert.equal(seconds(), 0.5);
});

test("however the wait is rounded, it is one from its first moment on", (t) => {
  for (let part = 0; part < 1; part += 0.0137) {
    for (const retryAfter of [undefined, 1, 2]) {
      const { backOff, seconds } = alone(t, part);
      backOff.add(Object.assign(new Error(), retryAfter && { retryAfter }));
      assert.ok(seconds() >= (retryAfter ?? 0.5), `${seconds()} s with ${part}`);
      t.mock.restoreAll();
    }
  }
});

test("a clock that is set back does not make the wait longer", (t) => {
  const { now, backOff, seconds } = alone(t);
  backOff.add(Object.assign(new Error(), { retryAfter: 10 }));
  now.forward(-24 * HOUR);
  assert.ok(!(seconds() > 0));
});
