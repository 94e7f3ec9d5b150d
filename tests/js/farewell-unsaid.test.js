// Sign-outs that could not be said at first: each is said later, of its own session alone, whoever signs in meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, news, tabOf } from "./fake-browser.js";
import { fakePage } from "./fake-page.js";
import { accessToken, CREDENTIALS, deferred, fakeStorage, noContent, problem, unreachable, USER } from "./harness.js";

/** What each sign-out sent: its token, and whether the cookie was allowed to travel. */
const said = (server) => server.sent("/api/logout").map(({ request, token }) => [token, request.credentials]);

/** The network takes sign-outs again; what was sent before is forgotten. */
function mend(server, answer = noContent) {
  server.routes["POST /api/logout"] = answer;
  server.calls.length = 0;
}

test("a sign-out that could not be said outlives a sign-in: it is said once, of its own session alone", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [{ auth, events }] = await openTabs(1);
  const { accessToken: token } = auth;
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  assert.ok(Math.min(...time.delays) > 0, "browsers take a far negative delay for a long one");
  mend(server, answer);
  await time.pass(3600);
  assert.deepEqual(said(server), [[token, "omit"]]);
  assert.equal(server.state.sid, "s2");
  assert.deepEqual(auth.user, USER);
  assert.equal(notes.items.size, 0);
  assert.deepEqual(events, ["signedout logout", "token login", "signedin"]);
});

test("it outlives one in another tab as well, which does not sign this one in", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [left, other] = await openTabs(2);
  const { accessToken: token } = left.auth;
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  assert.equal(await time.until(left.auth.logout()), false);
  await time.until(other.auth.login(CREDENTIALS));
  mend(server, answer);
  await time.pass(3600);
  assert.deepEqual(said(server), [[token, "omit"]]);
  assert.equal(server.state.sid, "s2");
  assert.deepEqual(other.auth.user, USER);
  assert.deepEqual(left.events, ["signedout logout"]);
  assert.equal(notes.items.size, 0);
});

test("two sign-outs that could not be said are both said", async (t) => {
  const { auth, time, server } = await tabOf(t, { answer: unreachable });
  const tokens = [auth.accessToken];
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  tokens.push(auth.accessToken);
  assert.equal(await time.until(auth.logout()), false);
  mend(server);
  await time.pass(3600);
  assert.deepEqual(
    said(server).map(([token]) => token),
    tokens,
  );
});

test("the first of two, heard while the second is not, leaves the second and its note to be said", async (t) => {
  const { auth, time, server, notes } = await tabOf(t, { answer: unreachable });
  const first = auth.accessToken;
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  await time.until(auth.logout());
  mend(server, ({ token }) => (token === first ? noContent() : unreachable()));
  await time.pass(120);
  assert.equal(said(server).filter(([token]) => token === first).length, 1);
  assert.deepEqual([...notes.items.values()], ["s2"]);
  mend(server);
  await time.pass(120);
  assert.equal(said(server).length, 1);
  assert.equal(notes.items.size, 0);
});

test("a sign-out that can never be said does not keep a later session from being refreshed", async (t) => {
  const { auth, time, server } = await tabOf(t, { answer: () => new Response("", { status: 403 }) });
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  server.calls.length = 0;
  await time.pass(25 * 3600);
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.deepEqual(auth.user, USER);
});

test("a sign-out that only the cookie could say ends with another tab's sign-in, whose cookie it is now", async (t) => {
  const { server, time, channels, open } = fakeBrowser(t);
  server.routes["POST /api/refresh"] = server.routes["POST /api/logout"] = unreachable;
  const { auth } = open();
  await time.until(auth.ready);
  assert.equal(await time.until(auth.logout()), false);
  await channels.say(news(time, accessToken({ sid: "s2" }), { source: "login" }));
  mend(server);
  await time.pass(3600);
  assert.deepEqual(server.calls, []);
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

test("a sign-out that fails after another tab has signed in is not held to be heard, and is said again", async (t) => {
  const answer = deferred();
  const { auth, channels, time, server } = await tabOf(t, { answer: () => answer.promise });
  const { accessToken: token } = auth;
  const logout = auth.logout();
  await channels.say(news(time, accessToken({ sid: "s2" }), { source: "login" }));
  answer.reject(new TypeError("fetch failed"));
  assert.equal(await time.until(logout), false);
  mend(server);
  await time.pass(3600);
  assert.deepEqual(said(server), [[token, "omit"]]);
});

test("with the body transport a stored refresh token says it after a sign-in, too", async (t) => {
  const options = { transport: "body", storage: fakeStorage("r1") };
  const { server, time, open } = fakeBrowser(t, options);
  server.routes["POST /api/refresh"] = server.routes["POST /api/logout"] = unreachable;
  const { auth } = open();
  await time.until(auth.ready);
  await time.until(auth.logout());
  await time.until(auth.login(CREDENTIALS));
  mend(server);
  await time.pass(3600);
  const [{ request }, ...more] = server.sent("/api/logout");
  assert.deepEqual([await request.json(), more], [{ refresh_token: "r1" }, []]);
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
