// The token is renewed before it expires, by one timer, and whatever the local clock says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeTime } from "./fake-time.js";
import { accessToken, BASE, json, makeAuth, over, problem, tokenAnswer, USER } from "./harness.js";
import { inTime } from "./renewing.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST_MS = 2 ** 31 - 1;

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
