// A server that fails is left in peace: as long as it asks for, else longer each time; and nobody is signed out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createBackOff } from "../../static/js/evergreen/back-off.js";
import { fakePage } from "./fake-page.js";
import { accessToken, BASE, CREDENTIALS, fakeClock, json, problem, refused, USER } from "./harness.js";
import { renewing } from "./renewing.js";

const HOUR = 3600;
const unreachable = () => Promise.reject(new TypeError("fetch failed"));
const busy = (retryAfter) => () => problem(503, "unavailable", retryAfter && { "Retry-After": String(retryAfter) });

/** A back-off on a clock of its own; `random` is what Math.random gives, from 0 to 1. */
function alone(t, random = 0) {
  t.mock.method(Math, "random", () => random);
  const now = fakeClock();
  const backOff = createBackOff(now);
  return { now, backOff, seconds: () => backOff.left() / 1000 };
}

/** Signed in on a page, with a server that fails from now on by `answer`. */
async function failing(t, answer, { random = 0, ...options } = {}) {
  t.mock.method(Math, "random", () => random);
  const page = fakePage(t);
  const world = await renewing(t, { expiresIn: 24 * HOUR, ...options });
  world.routes["POST /api/refresh"] = answer;
  return { ...world, page };
}

const isTransient = { name: "TransientError" };

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

test("during the wait calls by hand reject at once, with what failed, and without a request", async (t) => {
  const { auth, time, refreshes } = await failing(t, busy(20));
  await assert.rejects(auth.refresh(), { ...isTransient, status: 503 });
  await time.pass(19);
  for (let count = 0; count < 3; count += 1) {
    await assert.rejects(auth.refresh(), { ...isTransient, status: 503, retryAfter: 20 });
  }
  assert.equal(refreshes(), 1);
});

test("a call whose token is refused during the wait rejects likewise", async (t) => {
  const { auth, routes, refreshes } = await failing(t, busy(20));
  await assert.rejects(auth.refresh());
  routes["GET /api/me"] = refused;
  await assert.rejects(auth.fetch(`${BASE}/me`), { ...isTransient, status: 503, retryAfter: 20 });
  assert.equal(refreshes(), 1);
});

test("a call whose token is still good is not kept by the wait", async (t) => {
  const { auth } = await failing(t, busy(20));
  await assert.rejects(auth.refresh());
  assert.equal((await auth.fetch(`${BASE}/me`)).status, 200);
});

test("after the wait the next call asks again, and success ends it all", async (t) => {
  const { auth, time, routes, renewed, refreshes } = await failing(t, busy(20));
  await assert.rejects(auth.refresh());
  await time.pass(21);
  routes["POST /api/refresh"] = renewed;
  assert.deepEqual(await auth.refresh(), USER);
  assert.deepEqual(await auth.refresh(), USER);
  assert.equal(refreshes(), 3);
});

test("Retry-After counts from the answer and is never cut short, whatever wakes the page", async (t) => {
  const { auth, page, time, refreshes } = await failing(t, busy(600));
  time.jump(24 * HOUR); // so that everything that wakes the page would refresh
  await assert.rejects(auth.refresh());
  for (let minute = 0; minute < 9; minute += 1) {
    await time.pass(60);
    for (const type of ["online", "visibilitychange", "pageshow"]) await page.wake(type);
    await assert.rejects(auth.refresh(), isTransient);
  }
  assert.equal(refreshes(), 1);
  await time.pass(61);
  assert.equal(refreshes(), 2);
});

for (const retryAfter of [2 * HOUR, 7 * 24 * HOUR, 1e12]) {
  test(`a server that asks for ${retryAfter} seconds is asked again after an hour`, async (t) => {
    const { auth, time, routes, renewed, page } = await failing(t, busy(retryAfter));
    page.document.hidden = true; // so that no timer asks
    await assert.rejects(auth.refresh());
    routes["POST /api/refresh"] = renewed;
    await time.pass(HOUR - 1);
    await assert.rejects(auth.refresh(), isTransient);
    await time.pass(HOUR / 2 + 2);
    assert.deepEqual(await auth.refresh(), USER);
  });
}

test("a sign-in clears the wait", async (t) => {
  const { auth, routes, renewed } = await failing(t, busy(600));
  await assert.rejects(auth.refresh());
  await auth.login(CREDENTIALS);
  routes["POST /api/refresh"] = renewed;
  assert.deepEqual(await auth.refresh(), USER);
});

test("an X-New-Token clears the wait: the server is well", async (t) => {
  const { auth, routes, renewed } = await failing(t, busy(600));
  await assert.rejects(auth.refresh());
  routes["GET /api/me"] = () => json({}, { headers: { "X-New-Token": accessToken({ age: -500 }) } });
  await auth.fetch(`${BASE}/me`);
  routes["POST /api/refresh"] = renewed;
  assert.deepEqual(await auth.refresh(), USER);
});

test("the network that is back clears the wait for it", async (t) => {
  const { auth, page, time, routes, renewed } = await failing(t, unreachable);
  for (let count = 0; count < 6; count += 1) {
    await assert.rejects(auth.refresh());
    await time.pass(20);
  }
  await assert.rejects(auth.refresh());
  routes["POST /api/refresh"] = renewed;
  await assert.rejects(auth.refresh());
  await page.wake("online");
  assert.deepEqual(await auth.refresh(), USER);
});

for (const status of [429, 503]) {
  test(`the network that is back changes nothing about a ${status}`, async (t) => {
    const answer = () => problem(status, "later", { "Retry-After": "60" });
    const { auth, page, refreshes } = await failing(t, answer);
    await assert.rejects(auth.refresh());
    await page.wake("online");
    await assert.rejects(auth.refresh(), { status });
    assert.equal(refreshes(), 1);
  });
}

test("twenty minutes of a failing server with a call each second are a few refreshes and no sign-out", async (t) => {
  const { auth, time, routes, refreshes, events } = await failing(t, busy());
  routes["GET /api/me"] = refused;
  for (let second = 0; second < 1200; second += 1) {
    await assert.rejects(auth.fetch(`${BASE}/me`), isTransient);
    await time.pass(1);
  }
  // Seven that grow, then one a minute.
  assert.ok(refreshes() >= 20 && refreshes() <= 30, `${refreshes()} refreshes`);
  assert.deepEqual(events, []);
  assert.deepEqual(auth.user, USER);
});

test("a page that nobody touches is as patient with a failing server", async (t) => {
  const { auth, time, refreshes, events } = await failing(t, unreachable);
  await time.pass(24 * HOUR);
  assert.ok(refreshes() >= 1 && refreshes() <= 10, `${refreshes()} refreshes`);
  await time.pass(20 * 60);
  assert.ok(refreshes() <= 30, `${refreshes()} refreshes`);
  assert.deepEqual(events, []);
  assert.deepEqual(auth.user, USER);
});
