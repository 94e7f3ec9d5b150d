// With the body transport a sign-out that the server has not heard of waits in the storage, for the app to be opened again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, tabOf } from "./fake-browser.js";
import { CREDENTIALS, fakeStorage, noContent, over, tokenAnswer, unreachable, USER } from "./harness.js";

const STORED = "evergreen.https___app.test_api";
const LEFT = `${STORED}.left`;

/** What each sign-out said: its access token, or the refresh token in its body. */
async function said(server) {
  const calls = server.sent("/api/logout");
  return Promise.all(calls.map(async ({ request, token }) => token ?? (await request.json()).refresh_token));
}

/** An app that was closed after a sign-out that the server has not heard of; nobody hears its timers any more. */
async function closedApp(t, storage = fakeStorage("r1")) {
  const world = await tabOf(t, { transport: "body", storage, answer: unreachable, appState: { addEventListener: () => {} } });
  assert.equal(await world.time.until(world.auth.logout()), false);
  world.server.calls.length = 0;
  return { ...world, storage };
}

test("where there is no access token the stored refresh token says it, and waits aside until then", async (t) => {
  const storage = fakeStorage("r1");
  const { time, open, server } = fakeBrowser(t, { transport: "body", storage });
  server.routes["POST /api/refresh"] = unreachable;
  server.routes["POST /api/logout"] = unreachable;
  const { auth } = open();
  await time.until(auth.ready);
  assert.equal(await time.until(auth.logout()), false);
  assert.deepEqual([...storage.items], [[LEFT, "r1"]]);
  server.routes["POST /api/logout"] = noContent;
  await time.pass(120);
  assert.equal((await said(server)).at(-1), "r1");
  assert.deepEqual(storage.values(), []);
});

test("an app that was closed says it when it is opened again, once, and signs nobody in by it", async (t) => {
  const { time, open, routes, server, storage } = await closedApp(t);
  routes["POST /api/logout"] = noContent;
  const { auth, events } = open();
  assert.equal(await time.until(auth.ready), null);
  await time.pass(60);
  assert.deepEqual(await said(server), ["r1"]);
  assert.deepEqual([server.sent("/api/refresh"), storage.values(), events], [[], [], []]);
});

test("if it is opened without a network, it stays for the next time", async (t) => {
  const { time, open, routes, server, storage } = await closedApp(t);
  await time.until(open().auth.ready);
  await time.pass(60);
  assert.deepEqual([...storage.items], [[LEFT, "r1"]]);
  server.calls.length = 0;
  routes["POST /api/logout"] = noContent;
  await time.until(open().auth.ready);
  await time.pass(60);
  assert.deepEqual(await said(server), ["r1"]);
  assert.deepEqual(storage.values(), []);
});

test("a token that is good for nothing any more is not kept", async (t) => {
  const { time, open, routes, storage } = await closedApp(t);
  routes["POST /api/logout"] = () => over();
  await time.until(open().auth.ready);
  await time.pass(60);
  assert.deepEqual(storage.values(), []);
});

test("a new sign-in neither drops it nor is signed out by it", async (t) => {
  const { time, open, routes, server, storage } = await closedApp(t);
  const login = routes["POST /api/login"];
  routes["POST /api/login"] = async (call) =>
    tokenAnswer((await (await login(call)).json()).access_token, { refresh_token: "r2" });
  const { auth } = open();
  await time.until(auth.login(CREDENTIALS));
  assert.deepEqual([...storage.items].sort(), [[STORED, "r2"], [LEFT, "r1"]]);
  server.calls.length = 0;
  routes["POST /api/logout"] = noContent;
  const again = open();
  assert.deepEqual(await time.until(again.auth.ready), USER);
  await time.pass(60);
  assert.deepEqual(await said(server), ["r1"]);
  assert.deepEqual([...storage.items], [[STORED, "r2"]]);
  assert.deepEqual(again.auth.user, USER);
});

test("a sign-out beside one that waits is said, too, though only the storage knew whose it is", async (t) => {
  const { time, open, routes, server, storage } = await closedApp(t);
  storage.setItem(STORED, "r2");
  routes["POST /api/refresh"] = unreachable;
  const { auth } = open();
  await time.until(auth.ready);
  assert.equal(await time.until(auth.logout()), false);
  server.calls.length = 0;
  routes["POST /api/logout"] = noContent;
  await time.pass(60);
  await time.until(auth.logout());
  assert.deepEqual((await said(server)).sort(), ["r1", "r2"]);
  assert.deepEqual(storage.values(), []);
});

test("a storage that fails does not keep the server from being told", async (t) => {
  const storage = fakeStorage("r1");
  const { auth, time, routes, logouts } = await tabOf(t, { transport: "body", storage, answer: unreachable });
  storage.setItem = () => Promise.reject(new Error("full"));
  assert.equal(await time.until(auth.logout()), false);
  const before = logouts();
  routes["POST /api/logout"] = noContent;
  await time.pass(60);
  assert.equal(logouts(), before + 1);
});
