// The token is renewed before it expires: by one timer, and whenever the page comes back to life.

import assert from "node:assert/strict";
import { test } from "node:test";

import { setUpAlarm } from "../../static/js/evergreen/alarm.js";
import { fakePage } from "./fake-page.js";
import { calm, fakeTime } from "./fake-time.js";
import { accessToken, BASE, json, makeAuth, over, problem, tokenAnswer, USER } from "./harness.js";
import { renewing } from "./renewing.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST_MS = 2 ** 31 - 1;

/** Signed in by a cookie with a token of an hour, in a page that looks at the fake time. */
async function onPage(t, options) {
  const page = fakePage(t);
  return { page, ...(await inTime(t, options)) };
}

/** The same without a page. */
const inTime = (t, options) => renewing(t, { expiresIn: HOUR, ...options });

test("a token is renewed a minute before its end, without being asked", async (t) => {
  const { auth, time, events, refreshes } = await inTime(t);
  const { accessToken: first } = auth;
  await time.pass(HOUR - 61);
  assert.equal(refreshes(), 0);
  await time.pass(2);
  assert.equal(refreshes(), 1);
  assert.notEqual(auth.accessToken, first);
  assert.deepEqual(events, ["token refresh"]);
});

test("it goes on like that: a day of tokens of an hour is a refresh an hour", async (t) => {
  const { auth, time, refreshes } = await inTime(t);
  await time.pass(DAY);
  assert.ok(Math.abs(refreshes() - 24) <= 1, `${refreshes()} refreshes`);
  assert.ok(auth.expiresAt > time.now());
});

test("refreshBefore says how early", async (t) => {
  const { time, refreshes } = await inTime(t, { refreshBefore: 600 });
  await time.pass(HOUR - 601);
  assert.equal(refreshes(), 0);
  await time.pass(2);
  assert.equal(refreshes(), 1);
});

test("a token that lives for ten seconds is renewed every five, and not all the time", async (t) => {
  const { time, refreshes } = await inTime(t, { expiresIn: 10 });
  await time.pass(60);
  assert.ok(refreshes() >= 10 && refreshes() <= 13, `${refreshes()} refreshes`);
});

test("there is one timer at a time, however often the token was new", async (t) => {
  const { auth, time, refreshes } = await inTime(t);
  for (let count = 0; count < 5; count += 1) await time.until(auth.refresh());
  await time.pass(HOUR);
  assert.equal(refreshes(), 6);
});

test("no timer is set for longer than timers can be, and the refresh comes at its time all the same", async (t) => {
  const { time, refreshes } = await inTime(t, { expiresIn: 60 * DAY });
  await time.pass(60 * DAY - 61);
  assert.equal(refreshes(), 0);
  assert.ok(Math.max(...time.delays) <= LONGEST_MS);
  await time.pass(2);
  assert.equal(refreshes(), 1);
});

test("where nobody is signed in no timer goes off every now and then", async (t) => {
  const { time, refreshes } = await inTime(t, { routes: { "POST /api/refresh": () => over("no_token") } });
  await time.pass(30 * DAY);
  assert.equal(refreshes(), 0);
  assert.ok(time.delays.length <= 2, `${time.delays.length} timers`);
});

test("after a sign-out nothing is renewed", async (t) => {
  const { auth, time, refreshes } = await inTime(t, {
    routes: { "POST /api/logout": () => new Response(null, { status: 204 }) },
  });
  await time.until(auth.logout());
  await time.pass(2 * DAY);
  assert.equal(refreshes(), 0);
});

test("where the server does not refresh it is asked once a token", async (t) => {
  const { time, routes, refreshes, auth } = await inTime(t);
  routes["POST /api/refresh"] = () => problem(404, "not_found");
  await time.pass(2 * DAY);
  assert.equal(refreshes(), 1);
  assert.deepEqual(auth.user, USER);
});

test("a timer keeps no program from ending", async (t) => {
  const { time } = await inTime(t);
  assert.equal(time.referenced(), 0);
});

test("a timer that is a number, as in browsers, will do", (t) => {
  t.mock.method(globalThis, "setTimeout", () => 1);
  setUpAlarm(() => {})(1000);
});

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

for (const [what, seconds] of [
  ["behind", -DAY],
  ["ahead", DAY],
]) {
  test(`a local clock that is a day ${what} makes no refresh that is not needed`, async (t) => {
    // The server's time is what the tokens and its Date say.
    const serverNow = Date.parse("2030-01-01T00:00:00Z") / 1000;
    const time = fakeTime(t, (serverNow + seconds) * 1000);
    const token = accessToken({ age: 1_000_000 - serverNow, lifetime: HOUR });
    const date = new Date(serverNow * 1000).toUTCString();
    const { auth, server } = makeAuth({
      now: time.now,
      notes: null,
      routes: {
        "POST /api/refresh": () => tokenAnswer(token, { expires_in: HOUR }),
        "GET /api/me": () => json({}, { headers: { Date: date } }),
      },
    });
    await time.until(auth.ready);
    for (let minute = 0; minute < 50; minute += 1) {
      await time.pass(60);
      await auth.fetch(`${BASE}/me`);
    }
    assert.equal(server.sent("/api/refresh").length, 1);
    assert.equal(auth.expiresAt, (serverNow + seconds + HOUR) * 1000);
  });
}

test("a clock that is set back or forward while the page is open loses nobody", async (t) => {
  for (const seconds of [-DAY, DAY]) {
    const { auth, time, events } = await inTime(t);
    time.jump(seconds);
    await time.pass(2 * HOUR);
    await auth.fetch(`${BASE}/me`);
    assert.deepEqual(auth.user, USER);
    assert.ok(events.every((event) => event === "token refresh"));
    t.mock.restoreAll();
  }
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

test("a restore that failed offline is tried again by the timer as well", async (t) => {
  const { auth, routes, renewed, time, events } = await inTime(t, {
    routes: { "POST /api/refresh": () => Promise.reject(new TypeError("fetch failed")) },
  });
  await time.pass(5);
  routes["POST /api/refresh"] = renewed;
  await time.pass(20);
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
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
