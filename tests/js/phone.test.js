// React Native: no timers and no silent refresh; the token is renewed on use, and when the app is opened.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeTime } from "./fake-time.js";
import { accessToken, BASE, fakeStorage, json, makeAuth, tokenAnswer, USER } from "./harness.js";

const HOUR = 3600;

/** An app with a stored session; `open(state)` is what the phone says of it. */
async function onPhone(t, { routes = {} } = {}) {
  const time = fakeTime(t);
  const handlers = [];
  const appState = {
    addEventListener(type, handler) {
      assert.equal(type, "change");
      handlers.push(handler);
    },
  };
  let age = 0;
  const renewed = () => tokenAnswer(accessToken({ age: (age -= 1) }), { expires_in: HOUR, refresh_token: `r${-age}` });
  const world = makeAuth({
    transport: "body",
    storage: fakeStorage("r0"),
    routes: { "POST /api/refresh": renewed, "GET /api/me": () => json({}), ...routes },
    now: time.now,
    appState,
  });
  await world.auth.ready;
  world.server.calls.length = world.events.length = 0;
  const open = async (state) => {
    for (const handler of handlers) handler(state);
    await time.pass(0);
  };
  return { ...world, time, renewed, open, refreshes: () => world.server.sent("/api/refresh").length };
}

test("an app sets no timer, signed in or not, and after a failure", async (t) => {
  const { auth, routes, time } = await onPhone(t);
  routes["POST /api/refresh"] = () => Promise.reject(new TypeError("fetch failed"));
  await assert.rejects(auth.refresh());
  await auth.logout();
  await time.pass(10 * HOUR);
  assert.deepEqual(time.delays, []);
});

test("an app that is opened renews a token that is due", async (t) => {
  const { time, open, events, refreshes } = await onPhone(t);
  await time.pass(HOUR - 30);
  assert.equal(refreshes(), 0);
  await open("active");
  assert.equal(refreshes(), 1);
  assert.deepEqual(events, ["token refresh"]);
});

test("an app that is opened leaves a good token alone", async (t) => {
  const { time, open, refreshes } = await onPhone(t);
  await time.pass(HOUR / 2);
  await open("active");
  assert.equal(refreshes(), 0);
});

for (const state of ["background", "inactive", "extension"]) {
  test(`an app that becomes "${state}" renews nothing`, async (t) => {
    const { time, open, refreshes } = await onPhone(t);
    await time.pass(2 * HOUR);
    await open(state);
    assert.equal(refreshes(), 0);
  });
}

test("an app renews on use", async (t) => {
  const { auth, time, server, refreshes } = await onPhone(t);
  await time.pass(2 * HOUR);
  await auth.fetch(`${BASE}/me`);
  assert.equal(refreshes(), 1);
  assert.equal(server.sent("/api/me")[0].token, auth.accessToken);
});

test("an app does not adopt X-New-Token", async (t) => {
  const { auth, routes, events } = await onPhone(t);
  const { accessToken: token } = auth;
  routes["GET /api/me"] = () => json({}, { headers: { "X-New-Token": accessToken({ age: -50 }) } });
  await auth.fetch(`${BASE}/me`);
  assert.equal(auth.accessToken, token);
  assert.deepEqual(events, []);
});

test("an app that was started offline knows its user when it is opened online", async (t) => {
  const { auth, routes, renewed, time, open, events } = await onPhone(t, {
    routes: { "POST /api/refresh": () => Promise.reject(new TypeError("fetch failed")) },
  });
  assert.equal(auth.user, null);
  await time.pass(60);
  routes["POST /api/refresh"] = renewed;
  await open("active");
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
});

test("an app that failed often without a network does not wait out its pause when it is opened with one", async (t) => {
  const { auth, routes, renewed, time, open, refreshes } = await onPhone(t, {
    routes: { "POST /api/refresh": () => Promise.reject(new TypeError("fetch failed")) },
  });
  for (let tries = 0; tries < 8; tries += 1) {
    await time.pass(100);
    await assert.rejects(auth.refresh());
  }
  const failed = refreshes();
  routes["POST /api/refresh"] = renewed;
  await time.pass(5);
  await open("background");
  assert.equal(refreshes(), failed);
  await open("active");
  assert.deepEqual(auth.user, USER);
});

test("an app that is opened leaves a server alone that has asked for a pause", async (t) => {
  const { auth, routes, time, open, refreshes } = await onPhone(t);
  routes["POST /api/refresh"] = () => json({}, { status: 503, headers: { "Retry-After": "600" } });
  await time.pass(2 * HOUR);
  await assert.rejects(auth.refresh(), { name: "TransientError" });
  await time.pass(5);
  await open("active");
  assert.equal(refreshes(), 1);
});

test("refresh() tells an app that was started offline from one in which nobody is signed in", async (t) => {
  const { auth, routes, renewed, time, refreshes } = await onPhone(t, {
    routes: { "POST /api/refresh": () => Promise.reject(new TypeError("fetch failed")) },
  });
  await assert.rejects(auth.refresh(), { name: "TransientError" });
  assert.equal(refreshes(), 0); // it is too early for another try
  await time.pass(60);
  routes["POST /api/refresh"] = renewed;
  assert.deepEqual(await auth.refresh(), USER);
  routes["POST /api/logout"] = () => new Response(null, { status: 204 });
  await auth.logout();
  await assert.rejects(auth.refresh(), { name: "SessionEndedError" });
  const nobody = makeAuth({ transport: "body", storage: fakeStorage(), appState: { addEventListener: () => {} } });
  assert.equal(await nobody.auth.ready, null);
  await assert.rejects(nobody.auth.refresh(), { name: "RefreshUnavailableError" });
  assert.deepEqual(nobody.server.calls, []);
});

test("a sign-out that failed offline is said when the app is opened again", async (t) => {
  const { auth, routes, server, time, open } = await onPhone(t);
  assert.equal(await auth.logout(), false);
  routes["POST /api/logout"] = () => new Response(null, { status: 204 });
  await time.pass(60);
  assert.equal(server.sent("/api/logout").length, 1);
  await open("active");
  assert.equal(server.sent("/api/logout").length, 2);
  await time.pass(60);
  await open("active");
  assert.equal(server.sent("/api/logout").length, 2);
});
