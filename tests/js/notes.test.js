// A note with the id of a session lets the next page know that it was signed out, though the server may not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageNotes } from "../../static/js/evergreen/farewell.js";
import { fakeBrowser } from "./fake-browser.js";
import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { accessToken, CREDENTIALS, deferred, fakeStorage, over, tokenAnswer, unreachable, USER } from "./harness.js";

const KEY = "evergreen.https___app.test_api.left";

/** A page whose sign-out the server has not heard of, and which is gone. */
async function leftOffline(t, options) {
  const browser = fakeBrowser(t, { BroadcastChannel: null, ...options });
  const { server, time, openTabs } = browser;
  const [tab] = await openTabs(1);
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  await time.until(tab.auth.logout());
  const online = () => {
    server.routes["POST /api/logout"] = answer;
    server.calls.length = 0;
  };
  return { ...browser, online };
}

test("a sign-out offline leaves the session's id, and never a token", async (t) => {
  const { notes } = await leftOffline(t);
  assert.deepEqual([...notes.items], [[KEY, "s1"]]);
});

test("a page that goes away while the sign-out is being said leaves the note behind", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  server.routes["POST /api/logout"] = () => deferred().promise;
  tab.auth.logout();
  await time.pass(0.1);
  assert.deepEqual([...notes.items], [[KEY, "s1"]]);
});

test("a note is removed once the server has heard", async (t) => {
  const { time, notes, online } = await leftOffline(t);
  online();
  await time.pass(60);
  assert.equal(notes.items.size, 0);
});

test("the next page ends the session instead of restoring it, without an event and without a user", async (t) => {
  const { server, time, notes, online, open } = await leftOffline(t);
  online();
  const { auth, events } = open();
  assert.equal(await time.until(auth.ready), null);
  await time.pass(1);
  assert.equal(auth.user, null);
  assert.equal(auth.accessToken, null);
  assert.deepEqual(events, []);
  assert.ok(server.sent("/api/logout").length >= 1);
  assert.equal(server.state.sid, null);
  assert.equal(notes.items.size, 0);
});

test("if that page is offline, too, the note stays until one is not", async (t) => {
  const { server, time, notes, online, open } = await leftOffline(t);
  const second = open();
  assert.equal(await time.until(second.auth.ready), null);
  await time.pass(5);
  assert.equal(second.auth.user, null);
  assert.deepEqual(second.events, []);
  assert.equal(notes.items.get(KEY), "s1");
  online();
  await time.pass(120);
  assert.equal(server.state.sid, null);
  assert.equal(notes.items.size, 0);
});

test("a page that was restored into a session with a note cannot be refreshed back in", async (t) => {
  const { time, open } = await leftOffline(t);
  const { auth, events } = open();
  await time.until(auth.ready);
  await assert.rejects(time.until(auth.refresh()));
  assert.equal(auth.user, null);
  assert.deepEqual(events, []);
});

/** The page's access token is not known any more: a signing key was replaced. That of a later refresh is. */
async function leftWithOldToken(t) {
  const browser = await leftOffline(t);
  const { server, time, online } = browser;
  online();
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = (call) => (call.token === accessToken({ age: -1 }) ? over() : answer(call));
  await time.pass(600);
  return browser;
}

test("a token that is good for nothing any more ends nothing: said once, it leaves the note", async (t) => {
  const { server, notes } = await leftWithOldToken(t);
  assert.deepEqual(
    server.calls.map(({ path, request }) => [path, request.credentials]),
    [["/api/logout", "omit"]],
  );
  assert.equal(server.state.sid, "s1");
  assert.equal(notes.items.get(KEY), "s1");
});

test("the next page then ends the session, by a token of its own", async (t) => {
  const { server, time, notes, open } = await leftWithOldToken(t);
  const { auth, events } = open();
  assert.equal(await time.until(auth.ready), null);
  await time.pass(600);
  assert.equal(server.state.sid, null);
  assert.equal(notes.items.size, 0);
  assert.equal(server.sent("/api/logout").length, 2);
  assert.deepEqual(events, []);
});

test("if somebody else has signed in by then, the next page is theirs", async (t) => {
  const { server, time, open } = await leftWithOldToken(t);
  server.state.sid = "s2"; // by the server's own form
  const { auth } = open();
  assert.deepEqual(await time.until(auth.ready), USER);
  await time.pass(600);
  assert.equal(server.state.sid, "s2");
  assert.equal(server.sent("/api/logout").length, 1);
});

test("one may sign in on that page", async (t) => {
  const { time, online, open, notes } = await leftOffline(t);
  online();
  const { auth, events } = open();
  await time.until(auth.ready);
  assert.deepEqual(await time.until(auth.login(CREDENTIALS)), USER);
  assert.deepEqual(events, ["token login", "signedin"]);
  assert.equal(notes.items.size, 0);
});

test("a note about another session does no harm, and goes with the next sign-in", async (t) => {
  const { time, notes, open } = fakeBrowser(t);
  notes.setItem(KEY, "s7");
  const { auth, events } = open();
  assert.deepEqual(await time.until(auth.ready), USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
  await time.until(auth.login(CREDENTIALS));
  assert.equal(notes.items.size, 0);
});

test("another tab's token of a session that was signed out here is not taken", async (t) => {
  const { time, notes, channels, open } = fakeBrowser(t);
  notes.setItem(KEY, "s1");
  const { auth, events } = open();
  await channels.say({
    token: accessToken({ age: -50 }),
    expiresAt: time.now() + 60_000,
    user: USER,
    source: "login",
  });
  assert.equal(auth.user, null);
  assert.deepEqual(events, []);
});

test("the body transport leaves no notes: its token is gone from the storage", async (t) => {
  const notes = {
    getItem: assert.fail,
    setItem: assert.fail,
    removeItem: assert.fail,
  };
  const { server, time, open } = fakeBrowser(t, { transport: "body", storage: fakeStorage("r1"), notes });
  const { auth } = open();
  await time.until(auth.ready);
  server.routes["POST /api/logout"] = unreachable;
  assert.equal(await time.until(auth.logout()), false);
  await time.until(auth.login(CREDENTIALS));
  assert.deepEqual(auth.user, USER);
});

test("a storage without room does not keep anybody signed in, nor the server from being told later", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  notes.setItem = () => {
    throw new DOMException("Full.", "QuotaExceededError");
  };
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  assert.equal(await time.until(tab.auth.logout()), false);
  server.routes["POST /api/logout"] = answer;
  await time.pass(60);
  assert.equal(server.state.sid, null);
  assert.deepEqual(tab.events, ["signedout logout"]);
});

test("a session that ends by itself leaves no note", async (t) => {
  const { server, time, notes, openTabs } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  server.state.sid = null;
  await assert.rejects(time.until(tab.auth.refresh()));
  await calm();
  assert.equal(notes.items.size, 0);
});

test("two APIs of one page do not read each other's notes", async (t) => {
  const { server, time, notes, open } = fakeBrowser(t);
  server.routes["POST /other/refresh"] = () => tokenAnswer();
  notes.setItem("evergreen.https___app.test_other.left", "s1");
  const { auth } = open();
  assert.deepEqual(await time.until(auth.ready), USER);
});

test("the notes of a page are its localStorage; without a page, or where it may have none, there are none", (t) => {
  assert.ok(!pageNotes());
  const localStorage = {};
  fakePage(t, { localStorage });
  assert.equal(pageNotes(), localStorage);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("Not here.", "SecurityError");
    },
  });
  assert.ok(!pageNotes());
});
