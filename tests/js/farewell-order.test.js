// A sign-out beside a refresh, a restore or a sign-in: which of them waits, and which is stopped.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, fakeLocks, tabOf } from "./fake-browser.js";
import { calm } from "./fake-time.js";
import { CREDENTIALS, deferred, noContent, unreachable } from "./harness.js";

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
