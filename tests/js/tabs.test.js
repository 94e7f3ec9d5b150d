// Tabs of one browser refresh one at a time and hear the result; where that cannot be had, each goes its own way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { joinTabs } from "../../static/js/evergreen/tabs.js";
import { fakeBrowser, fakeChannels, fakeLocks, fakeSessions } from "./fake-browser.js";
import { calm, fakeTime } from "./fake-time.js";
import { accessToken, BASE, deferred, fakeStorage, settle, tokenAnswer, USER } from "./harness.js";

const TABS = 5;
const CALLS = 20;

/** Every tab makes its calls at once, with a token that the server refuses. */
async function storm({ server, time, openTabs }) {
  const tabs = await openTabs(TABS);
  server.expire();
  const calls = tabs.flatMap(({ auth }) => Array.from({ length: CALLS }, () => auth.fetch(`${BASE}/me`)));
  const answers = await time.until(Promise.all(calls));
  const refreshes = server.sent("/api/refresh").length;
  return { tabs, refreshes, successes: answers.filter(({ ok }) => ok).length };
}

test("five tabs with twenty refused calls each make one refresh and a hundred successes", async (t) => {
  const browser = fakeBrowser(t);
  const { tabs, refreshes, successes } = await storm(browser);
  assert.equal(successes, TABS * CALLS);
  assert.equal(refreshes, 1);
  assert.deepEqual(tabs.map(({ events }) => events.join()).sort(), [
    "token refresh",
    ...Array.from({ length: TABS - 1 }, () => "token tab"),
  ]);
  assert.equal(new Set(tabs.map(({ auth }) => auth.accessToken)).size, 1);
});

const lacks = {
  locks: { locks: null },
  "a channel": { BroadcastChannel: null },
  both: { locks: null, BroadcastChannel: null },
};
for (const [what, options] of Object.entries(lacks)) {
  test(`without ${what} the tabs refresh more often, and no call fails`, async (t) => {
    const { tabs, refreshes, successes } = await storm(fakeBrowser(t, options));
    assert.equal(successes, TABS * CALLS);
    assert.ok(refreshes > 1 && refreshes <= TABS, `${refreshes} refreshes`);
    for (const { events } of tabs) assert.ok(events.every((event) => event.startsWith("token")));
  });
}

test("locks that may not be used, as in a sandboxed frame, are gone without", async (t) => {
  const locks = { request: () => Promise.reject(new DOMException("No locks here.", "SecurityError")) };
  const { successes } = await storm(fakeBrowser(t, { locks }));
  assert.equal(successes, TABS * CALLS);
});

test("locks that throw instead of rejecting are gone without, too", async (t) => {
  const locks = {
    request() {
      throw new DOMException("No locks here.", "SecurityError");
    },
  };
  const { successes } = await storm(fakeBrowser(t, { locks }));
  assert.equal(successes, TABS * CALLS);
});

test("the others wait two seconds for a tab that never lets go, then go on without it", async (t) => {
  const browser = fakeBrowser(t);
  const { server, time, locks, openTabs } = browser;
  const tabs = await openTabs(2);
  locks.request("evergreen.https___app.test_api", {}, () => new Promise(() => {}));
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
  locks.request("evergreen.https___app.test_api", {}, () => holder.promise);
  await time.until(tab.auth.refresh());
  holder.resolve();
  await time.pass(5);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("a restore in five tabs at once is one refresh", async (t) => {
  const { server, time, open } = fakeBrowser(t);
  const tabs = Array.from({ length: TABS }, () => open());
  const users = await time.until(Promise.all(tabs.map(({ auth }) => auth.ready)));
  await time.pass(2);
  assert.deepEqual(
    users,
    tabs.map(() => USER),
  );
  assert.equal(server.sent("/api/refresh").length, 1);
  for (const { events } of tabs) {
    assert.equal(events.length, 2);
    assert.match(events[0], /^token (refresh|tab)$/);
    assert.equal(events[1], "signedin");
  }
});

test("whoever asked for a refresh while another tab's restore came first has the user, not an error", async (t) => {
  const { time, open } = fakeBrowser(t);
  const tabs = Array.from({ length: TABS }, () => open());
  const users = await time.until(Promise.all(tabs.map(({ auth }) => auth.refresh())));
  assert.deepEqual(
    users,
    tabs.map(() => USER),
  );
});

test("a restore in five tabs of which nobody is signed in asks in each, and signs nobody out", async (t) => {
  const { time, open } = fakeBrowser(t, { server: fakeSessions({ sid: null }) });
  const tabs = Array.from({ length: TABS }, () => open());
  const users = await time.until(Promise.all(tabs.map(({ auth }) => auth.ready)));
  assert.deepEqual(new Set(users), new Set([null]));
  for (const { events } of tabs) assert.deepEqual(events, []);
});

test("a refresh after another tab's is one of its own: what is asked for by hand is done", async (t) => {
  const { server, time, openTabs } = fakeBrowser(t);
  const [first, second] = await openTabs(2);
  await time.until(first.auth.refresh());
  await time.pass(1);
  await time.until(second.auth.refresh());
  assert.equal(server.sent("/api/refresh").length, 2);
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

test("a listener that refreshes once more does not wait for itself", async (t) => {
  const { time, openTabs, server } = fakeBrowser(t);
  const [tab, other] = await openTabs(2);
  const again = [];
  tab.auth.addEventListener("token", () => again.push(tab.auth.refresh()), { once: true });
  other.auth.addEventListener("token", () => again.push(other.auth.refresh()), { once: true });
  assert.deepEqual(await time.until(tab.auth.refresh()), USER);
  assert.deepEqual(await time.until(Promise.all(again)), [USER, USER]);
  assert.ok(server.sent("/api/refresh").length <= 3);
});

test("tabs with different APIs do not wait for each other, nor hear each other", async (t) => {
  const { server, time, open, locks } = fakeBrowser(t);
  server.routes["POST /other/refresh"] = () => tokenAnswer();
  const one = open();
  await time.until(one.auth.ready);
  await time.pass(1);
  const names = [];
  const { request } = locks;
  locks.request = (name, ...more) => {
    names.push(name);
    return request(name, ...more);
  };
  const other = open({ baseURL: "https://app.test/other" });
  await time.until(Promise.all([one.auth.refresh(), other.auth.ready]));
  assert.equal(new Set(names).size, 2);
  assert.notEqual(other.auth.accessToken, one.auth.accessToken);
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

test("a message reaches every other tab of that name, and nobody without a channel", async () => {
  const { BroadcastChannel } = fakeChannels();
  const heard = [];
  const join = (name, who) => joinTabs(name, (message) => heard.push([who, message]), null, BroadcastChannel);
  const first = join("a", 1);
  join("a", 2);
  join("b", 3);
  first.tell({ ended: "s1", reason: "logout" });
  joinTabs("a", assert.fail, null, null).tell({ ended: "s1", reason: "logout" });
  await settle();
  await calm();
  assert.deepEqual(heard, [[2, { ended: "s1", reason: "logout" }]]);
});
