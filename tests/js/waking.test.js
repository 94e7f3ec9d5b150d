// The token is renewed whenever the page comes back to life, once, and not while nobody looks at the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BASE, deferred, USER } from "./harness.js";
import { onPage } from "./renewing.js";

const HOUR = 3600;

for (const type of ["visibilitychange", "online", "pageshow"]) {
  test(`on ${type} a token that expired while the machine slept is renewed, once`, async (t) => {
    const { page, time, events, refreshes } = await onPage(t);
    time.jump(2 * HOUR);
    await page.wake(type);
    await page.wake(type);
    await time.pass(1);
    assert.equal(refreshes(), 1);
    assert.deepEqual(events, ["token refresh"]);
  });

  test(`on ${type} a good token is left alone`, async (t) => {
    const { page, time, refreshes } = await onPage(t);
    time.jump(HOUR / 2);
    await page.wake(type);
    assert.equal(refreshes(), 0);
  });
}

test("everything that wakes a page at once makes one refresh, calls and a hand included", async (t) => {
  const { auth, page, time, refreshes } = await onPage(t);
  time.jump(2 * HOUR);
  const woken = ["online", "visibilitychange", "pageshow"].map((type) => page.wake(type));
  await Promise.all([...woken, auth.refresh(), auth.fetch(`${BASE}/me`), auth.fetch(`${BASE}/me`), time.pass(5)]);
  assert.equal(refreshes(), 1);
});

test("while a refresh is under way the timer rests, whatever wakes the page", async (t) => {
  const { page, time, routes } = await onPage(t);
  routes["POST /api/refresh"] = () => deferred().promise;
  time.jump(2 * HOUR);
  for (let count = 0; count < 3; count += 1) await page.wake("visibilitychange");
  await time.pass(5);
  assert.deepEqual(time.delays, []);
});

test("after a sleep the timer is set anew: it comes at the token's time, not later by the sleep", async (t) => {
  const { page, time, refreshes } = await onPage(t);
  time.jump(HOUR / 2);
  await page.wake("visibilitychange");
  await time.pass(HOUR / 2 - 61);
  assert.equal(refreshes(), 0);
  await time.pass(2);
  assert.equal(refreshes(), 1);
});

test("a page that nobody looks at does not refresh; it does when it is looked at again", async (t) => {
  const { page, time, refreshes } = await onPage(t);
  page.document.hidden = true;
  await time.pass(3 * HOUR);
  await page.wake("online");
  await page.wake("pageshow");
  assert.equal(refreshes(), 0);
  page.document.hidden = false;
  await page.wake("visibilitychange");
  assert.equal(refreshes(), 1);
});

test("a hidden page still refreshes for a call", async (t) => {
  const { auth, page, time, server, refreshes } = await onPage(t);
  page.document.hidden = true;
  await time.pass(3 * HOUR);
  await auth.fetch(`${BASE}/me`);
  assert.equal(refreshes(), 1);
  assert.equal(server.sent("/api/me")[0].token, auth.accessToken);
});

test("a restore that failed offline is tried again when the network is back, and then tells of the user", async (t) => {
  const { auth, routes, renewed, page, events } = await onPage(t, {
    routes: { "POST /api/refresh": () => Promise.reject(new TypeError("fetch failed")) },
  });
  assert.equal(auth.user, null);
  routes["POST /api/refresh"] = renewed;
  await page.wake("online");
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
});
