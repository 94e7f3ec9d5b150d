// The lock by which tabs refresh one after the other: nobody waits for it in vain, and it is always given back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { joinTabs } from "../../static/js/evergreen/tabs.js";
import { fakeBrowser, fakeLocks } from "./fake-browser.js";
import { calm, fakeTime } from "./fake-time.js";
import { accessToken, deferred, fakeStorage, tokenAnswer, USER } from "./harness.js";

test("the others wait two seconds for a tab that never lets go, then go on without it", async (t) => {
  const browser = fakeBrowser(t);
  const { server, time, locks, openTabs } = browser;
  const tabs = await openTabs(2);
  locks.request("evergreen.https___app.test_api.cookie", {}, () => new Promise(() => {}));
  await calm();
  const refreshes = Promise.all(tabs.map(({ auth }) => auth.refresh()));
  await time.pass(1.9);
  assert.equal(server.calls.length, 0);
  await time.pass(0.2);
  assert.deepEqual(await refreshes, [USER, USER]);
  assert.ok(server.sent("/api/refresh").length >= 1);
});

test("a lock that comes after the patience was at an end starts nothing", async (t) => {
  const { time, locks, openTabs, server } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  const holder = deferred();
  locks.request("evergreen.https___app.test_api.cookie", {}, () => holder.promise);
  await time.until(tab.auth.refresh());
  holder.resolve();
  await time.pass(5);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("the lock is kept a tenth of a second after the work, until the result has arrived elsewhere", async (t) => {
  const { time, locks, openTabs } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  await time.until(tab.auth.refresh());
  assert.equal(locks.isHeld(), true);
  await time.pass(0.08);
  assert.equal(locks.isHeld(), true);
  await time.pass(0.1);
  assert.equal(locks.isHeld(), false);
});

test("the lock is given back after a failure as well", async (t) => {
  const { time, locks, server, openTabs } = fakeBrowser(t);
  const [tab, other] = await openTabs(2);
  const { "POST /api/refresh": answer } = server.routes;
  delete server.routes["POST /api/refresh"];
  await assert.rejects(time.until(tab.auth.refresh()), { name: "TransientError" });
  server.routes["POST /api/refresh"] = answer;
  assert.deepEqual(await time.until(other.auth.refresh()), USER);
  await time.pass(1);
  assert.equal(locks.isHeld(), false);
});

test("the lock of one browser goes round: a storage shared by tabs is read by one at a time", async (t) => {
  const storage = fakeStorage("r1");
  const seen = [];
  const { server, time, open } = fakeBrowser(t);
  server.routes["POST /api/refresh"] = async ({ request }) => {
    const { refresh_token: presented } = await request.json();
    seen.push(presented);
    return tokenAnswer(accessToken({ age: -seen.length }), { refresh_token: `r${seen.length + 1}` });
  };
  const options = { transport: "body", storage, BroadcastChannel: null };
  const tabs = Array.from({ length: 3 }, () => open(options));
  await time.until(Promise.all(tabs.map(({ auth }) => auth.ready)));
  assert.deepEqual(seen, ["r1", "r2", "r3"]);
  assert.deepEqual(storage.values(), ["r4"]);
});

test("work runs once, whatever the lock does", async (t) => {
  const time = fakeTime(t);
  let runs = 0;
  const work = async () => (runs += 1);
  const twice = {
    async request(name, options, callback) {
      callback({});
      throw new Error("granted, and then lost");
    },
  };
  for (const locks of [fakeLocks(), twice, null, undefined]) {
    runs = 0;
    assert.equal(await time.until(joinTabs("name", () => {}, locks, null).alone(work)), 1);
    await time.pass(1);
    assert.equal(runs, 1);
  }
});

test("what the work rejects with is the caller's, and does not hold the lock", async (t) => {
  const time = fakeTime(t);
  const tabs = joinTabs("name", () => {}, fakeLocks(), null);
  await assert.rejects(time.until(tabs.alone(() => Promise.reject(new Error("in vain")))), { message: "in vain" });
  assert.equal(await time.until(tabs.alone(async () => "next")), "next");
});
