// The page after a sign-out that the server has not heard of: the note lets it end that session, not restore it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser } from "./fake-browser.js";
import { accessToken, CREDENTIALS, over, USER } from "./harness.js";
import { KEY, leftOffline } from "./left-offline.js";

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
