// A sign-out beside a refresh, a restore or a sign-in: which of them waits, and which is stopped.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, fakeLocks, news, tabOf } from "./fake-browser.js";
import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { accessToken, CREDENTIALS, deferred, noContent, problem, unreachable, USER } from "./harness.js";

test("a sign-out while a refresh waits for the lock stops the refresh", async (t) => {
  const locks = fakeLocks();
  const { auth, time, server, events } = await tabOf(t, { locks });
  const holder = deferred();
  locks.request("evergreen.https___app.test_api", {}, () => holder.promise);
  await calm();
  const rejected = assert.rejects(auth.refresh(), { name: "SessionEndedError" });
  await calm();
  assert.equal(await time.until(auth.logout()), true);
  await rejected;
  holder.resolve();
  await time.pass(5);
  assert.equal(server.sent("/api/refresh").length, 0);
  assert.deepEqual(events, ["signedout logout"]);
});

test("a sign-out while the restore waits for the lock stops the restore", async (t) => {
  const { locks, open, server, time } = fakeBrowser(t);
  const holder = deferred();
  locks.request("evergreen.https___app.test_api", {}, () => holder.promise);
  await calm();
  const { auth, events } = open();
  await calm();
  assert.equal(await time.until(auth.logout()), true);
  assert.equal(await auth.ready, null);
  holder.resolve();
  await time.pass(5);
  assert.equal(server.sent("/api/refresh").length, 0);
  assert.deepEqual(events, []);
});

test("a sign-in waits for the sign-out under way: said later, it would take the new cookie away", async (t) => {
  const answer = deferred();
  const { auth, time, server } = await tabOf(t, { answer: () => answer.promise });
  const logout = auth.logout();
  const login = auth.login(CREDENTIALS);
  await time.pass(5);
  assert.equal(server.sent("/api/login").length, 0);
  answer.resolve(noContent());
  await time.until(Promise.all([logout, login]));
  await time.pass(3600);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/logout", "/api/login"],
  );
});

test("a sign-in first says the sign-out that could not be said before", async (t) => {
  const { auth, time, routes, server, notes } = await tabOf(t, { answer: unreachable });
  await time.until(auth.logout());
  routes["POST /api/logout"] = noContent;
  await time.until(auth.login(CREDENTIALS));
  await time.pass(3600);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/logout", "/api/logout", "/api/login"],
  );
  assert.equal(notes.items.size, 0);
});

test("a sign-in that works though the sign-out could not be said is kept: that is not said any more", async (t) => {
  const { auth, time, logouts, events, notes } = await tabOf(t, { answer: unreachable });
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  const before = logouts();
  await time.pass(3600);
  assert.equal(logouts(), before);
  assert.equal(notes.items.size, 0);
  assert.deepEqual(events, ["signedout logout", "token login", "signedin"]);
});

test("a sign-in made in another tab meanwhile is kept, too, and does not sign this one in", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [left, other] = await openTabs(2);
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  assert.equal(await time.until(left.auth.logout()), false);
  server.routes["POST /api/logout"] = answer;
  await time.until(other.auth.login(CREDENTIALS));
  await time.pass(3600);
  assert.equal(server.state.sid, "s2");
  assert.deepEqual(other.auth.user, USER);
  assert.deepEqual(left.events, ["signedout logout"]);
  assert.equal(notes.items.size, 0);
});

test("a sign-out that is said again ends its own session, not one that a page has begun meanwhile", async (t) => {
  const page = fakePage(t);
  const { server, time, notes, open, openTabs } = fakeBrowser(t);
  const [left] = await openTabs(1);
  const { accessToken: token } = left.auth;
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = () => problem(503, "unavailable", { "Retry-After": "5" });
  assert.equal(await time.until(left.auth.logout()), false);
  server.routes["POST /api/logout"] = answer;
  page.document.hidden = true;
  server.state.sid = "s2"; // by the server's own form, of which nobody tells the tab
  const other = open();
  await time.until(other.auth.ready);
  await time.pass(60);
  page.document.hidden = false;
  await page.wake("visibilitychange");
  assert.deepEqual(
    server.sent("/api/logout").map(({ request, token: sent }) => [request.credentials, sent]),
    [
      ["include", token],
      ["omit", token],
    ],
  );
  assert.equal(server.state.sid, "s2");
  assert.deepEqual(other.auth.user, USER);
  assert.equal(notes.items.size, 0);
});

test("a sign-out without an access token is left to the cookie, however often it is said", async (t) => {
  const { server, time, open } = fakeBrowser(t);
  server.routes["POST /api/refresh"] = server.routes["POST /api/logout"] = unreachable;
  const { auth } = open();
  await time.until(auth.ready);
  assert.equal(await time.until(auth.logout()), false);
  server.routes["POST /api/logout"] = noContent;
  await time.pass(120);
  const said = server.sent("/api/logout");
  assert.ok(said.length > 1);
  for (const { request } of said) assert.equal(request.credentials, "include");
});

test("a sign-out that fails after another tab has signed in is not said again, nor held to be heard", async (t) => {
  const answer = deferred();
  const { auth, channels, time, logouts } = await tabOf(t, { answer: () => answer.promise });
  const logout = auth.logout();
  await channels.say(news(time, accessToken({ sid: "s2" }), { source: "login" }));
  answer.reject(new TypeError("fetch failed"));
  assert.equal(await time.until(logout), false);
  await time.pass(3600);
  assert.equal(logouts(), 1);
});

test("with the body transport another tab's sign-in has a token of its own: the sign-out is still said", async (t) => {
  const { auth, channels, time, routes, logouts } = await tabOf(t, { transport: "body", answer: unreachable });
  await time.until(auth.login(CREDENTIALS));
  await time.until(auth.logout());
  await channels.say(news(time, accessToken({ sid: "s3" }), { source: "login" }));
  const before = logouts();
  routes["POST /api/logout"] = noContent;
  await time.pass(60);
  assert.equal(logouts(), before + 1);
});
