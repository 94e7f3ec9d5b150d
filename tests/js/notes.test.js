// A note with the id of a session lets the next page know that it was signed out, though the server may not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageNotes } from "../../static/js/evergreen/farewell.js";
import { fakeBrowser } from "./fake-browser.js";
import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { accessToken, CREDENTIALS, deferred, fakeStorage, tokenAnswer, unreachable, USER } from "./harness.js";
import { KEY, leftOffline } from "./left-offline.js";

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
