// A sign-out counts at once, whether or not the server can be told; it is told as soon as it can be.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, tabOf } from "./fake-browser.js";
import { fakePage } from "./fake-page.js";
import { fakeStorage, noContent, over, problem, unreachable } from "./harness.js";

/** A tab with the body transport, and a refresh token in a storage. */
function appOf(t, options) {
  return tabOf(t, { transport: "body", storage: fakeStorage("r1"), ...options });
}

for (const [what, answer, left] of [
  ["a 204", noContent, 0],
  ["a 401 by which no token is good for it: the note stays, in case the session lives", () => over(), 1],
]) {
  test(`logout() resolves to true when the server heard: ${what}`, async (t) => {
    const { auth, time, logouts, notes } = await tabOf(t, { answer });
    assert.equal(await time.until(auth.logout()), true);
    await time.pass(3600);
    assert.equal(logouts(), 1);
    assert.equal(notes.items.size, left);
  });
}

for (const [what, answer] of [
  ["no network", unreachable],
  ["a 429", () => problem(429, "too_many_requests", { "Retry-After": "10" })],
  ["a 503", () => problem(503, "unavailable")],
  ["a 403 of a firewall", () => new Response("", { status: 403 })],
  ["a 401 without a challenge", () => problem(401, "invalid_token")],
  ["a 401 of a proxy", () => problem(401, "proxy", { "WWW-Authenticate": 'Basic realm="proxy"' })],
  ["a page of a captive portal", () => new Response("<h1>Welcome</h1>", { headers: { "Content-Type": "text/html" } })],
]) {
  test(`logout() resolves to false when the server did not: ${what}`, async (t) => {
    const { auth, time, events } = await tabOf(t, { answer });
    const logout = auth.logout();
    assert.equal(auth.user, null);
    assert.equal(auth.accessToken, null);
    assert.deepEqual(events, ["signedout logout"]);
    assert.equal(await time.until(logout), false);
    await assert.rejects(auth.refresh(), { name: "SessionEndedError" });
  });
}

test("a sign-out offline is said when the network is back, and then no more", async (t) => {
  const page = fakePage(t);
  const { auth, time, routes, server, logouts, events } = await tabOf(t, { answer: unreachable });
  const { accessToken: token } = auth;
  assert.equal(await time.until(auth.logout()), false);
  routes["POST /api/logout"] = noContent;
  await page.wake("online");
  assert.equal(logouts(), 2);
  assert.equal(server.calls.at(-1).token, token);
  await page.wake("online");
  await time.pass(24 * 3600);
  assert.equal(logouts(), 2);
  assert.deepEqual(events, ["signedout logout"]);
});

test("it is said by the timer as well, with longer and longer waits", async (t) => {
  const { auth, time, routes, logouts, notes } = await tabOf(t, { answer: unreachable });
  await time.until(auth.logout());
  await time.pass(60);
  assert.ok(logouts() >= 4 && logouts() <= 9, `${logouts()} tries`);
  routes["POST /api/logout"] = noContent;
  await time.pass(120);
  const heard = logouts();
  await time.pass(24 * 3600);
  assert.equal(logouts(), heard);
  assert.equal(notes.items.size, 0);
});

test("a server that asks for a pause at a sign-out gets it", async (t) => {
  const { auth, time, logouts } = await tabOf(t, {
    answer: () => problem(429, "too_many_requests", { "Retry-After": "60" }),
  });
  await time.until(auth.logout());
  await time.pass(59);
  assert.equal(logouts(), 1);
  await time.pass(32);
  assert.equal(logouts(), 2);
});

test("that pause is kept whatever wakes the page", async (t) => {
  const page = fakePage(t);
  const { auth, time, logouts } = await tabOf(t, {
    answer: () => problem(429, "too_many_requests", { "Retry-After": "60" }),
  });
  await time.until(auth.logout());
  for (const type of ["online", "visibilitychange", "pageshow"]) await page.wake(type);
  await time.pass(59);
  assert.equal(logouts(), 1);
});

test("a sign-out with an access token that expired long ago is sent all the same", async (t) => {
  const { auth, time, server } = await tabOf(t);
  const { accessToken: token } = auth;
  time.jump(3 * 24 * 3600);
  assert.equal(await time.until(auth.logout()), true);
  assert.deepEqual(
    server.calls.map(({ path, token: sent }) => [path, sent]),
    [["/api/logout", token]],
  );
});

test("a second logout() does not take back what the first has to say", async (t) => {
  const { auth, time, routes, server, logouts } = await appOf(t, { answer: unreachable });
  const { accessToken: token } = auth;
  assert.equal(await time.until(auth.logout()), false);
  assert.equal(await time.until(auth.logout()), false);
  const before = logouts();
  routes["POST /api/logout"] = noContent;
  await time.pass(120);
  assert.equal(logouts(), before + 1);
  assert.equal(server.calls.at(-1).token, token);
});

test("two logout() at once offline both know that the server does not", async (t) => {
  const { auth, time, routes, logouts } = await appOf(t, { answer: unreachable });
  assert.deepEqual(await time.until(Promise.all([auth.logout(), auth.logout()])), [false, false]);
  const before = logouts();
  routes["POST /api/logout"] = noContent;
  await time.pass(120);
  assert.equal(logouts(), before + 1);
});

test("logout() where nobody was ever signed in has nothing to tell with the body transport", async (t) => {
  const { time, open, server } = fakeBrowser(t, { transport: "body", storage: fakeStorage() });
  const { auth, events } = open();
  assert.equal(await time.until(auth.logout()), true);
  assert.deepEqual(server.calls, []);
  assert.deepEqual(events, []);
});
