// Tabs of one browser refresh once for all; where that cannot be had, each goes its own way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, fakeSessions } from "./fake-browser.js";
import { accessToken, BASE, CREDENTIALS, fakeStorage, over, tokenAnswer, USER } from "./harness.js";

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

test("a channel that may not be used, as in Firefox where cookies are blocked, is gone without", async (t) => {
  class BroadcastChannel {
    constructor() {
      throw new DOMException("The operation is insecure.", "SecurityError");
    }
  }
  const { successes } = await storm(fakeBrowser(t, { BroadcastChannel }));
  assert.equal(successes, TABS * CALLS);
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

test("tabs with different transports have sessions of their own", async (t) => {
  const { server, time, open } = fakeBrowser(t, { server: fakeSessions({ sid: null }) });
  const [byCookie, byBody] = [open({ transport: "cookie" }), open({ transport: "body", storage: fakeStorage() })];
  await time.until(Promise.all([byCookie.auth.ready, byBody.auth.ready]));
  server.routes["POST /api/login"] = () => tokenAnswer(accessToken(), { refresh_token: "r1" });
  server.routes["POST /api/refresh"] = () => over("no_token");
  await time.until(byBody.auth.login(CREDENTIALS));
  await time.pass(1);
  assert.deepEqual(byCookie.events, []);
  await time.until(assert.rejects(byCookie.auth.refresh(), { name: "SessionEndedError" }));
  await time.pass(1);
  assert.deepEqual(byBody.events, ["token login", "signedin"]);
});
