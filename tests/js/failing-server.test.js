// While a server fails it is asked seldom, calls are told at once, and nobody is signed out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakePage } from "./fake-page.js";
import { accessToken, BASE, CREDENTIALS, json, problem, refused, unreachable, USER } from "./harness.js";
import { renewing } from "./renewing.js";

const HOUR = 3600;
const busy = (retryAfter) => () => problem(503, "unavailable", retryAfter && { "Retry-After": String(retryAfter) });

/** Signed in on a page, with a server that fails from now on by `answer`. */
async function failing(t, answer, { random = 0, ...options } = {}) {
  t.mock.method(Math, "random", () => random);
  const page = fakePage(t);
  const world = await renewing(t, { expiresIn: 24 * HOUR, ...options });
  world.routes["POST /api/refresh"] = answer;
  return { ...world, page };
}

const isTransient = { name: "TransientError" };

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
