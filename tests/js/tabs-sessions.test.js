// What tabs tell each other of sign-ins and sign-outs, and what they do not believe.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, fakeSessions } from "./fake-browser.js";
import { calm } from "./fake-time.js";
import { accessToken, CREDENTIALS, deferred, fakeStorage, over, tokenAnswer, USER } from "./harness.js";

const OTHER_USER = { ...USER, id: 2, email: "other@example.com" };
const noContent = () => new Response(null, { status: 204 });

/** What a tab would say of a new token. */
function news(time, token, more = {}) {
  return { token, expiresAt: time.now() + 3_600_000, user: USER, source: "refresh", ...more };
}

/** A tab with a refresh under way, whose answer the test decides on. */
async function refreshingTab(t) {
  const { server, channels, openTabs, time } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  const answer = deferred();
  server.routes["POST /api/refresh"] = () => answer.promise;
  const refresh = tab.auth.refresh();
  await calm();
  return { tab, channels, time, answer, refresh };
}

test("a sign-out in one tab signs the others out, each with one event", async (t) => {
  const { server, openTabs, time } = fakeBrowser(t);
  const tabs = await openTabs(5);
  assert.equal(await time.until(tabs[0].auth.logout()), true);
  await time.pass(1);
  for (const { auth, events } of tabs) {
    assert.deepEqual(events, ["signedout logout"]);
    assert.equal(auth.accessToken, null);
    assert.equal(auth.user, null);
    assert.equal(auth.expiresAt, null);
  }
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/logout"],
  );
});

test("a session whose end one tab finds out is over in all, for the same reason", async (t) => {
  const { server, openTabs, time } = fakeBrowser(t);
  const tabs = await openTabs(3);
  server.state.sid = null;
  await assert.rejects(time.until(tabs[1].auth.refresh()), { name: "SessionEndedError" });
  await time.pass(1);
  for (const { events } of tabs) assert.deepEqual(events, ["signedout ended"]);
});

test("the message says which session, and holds no token", async (t) => {
  const { channels, openTabs, time } = fakeBrowser(t);
  const [tab] = await openTabs(2);
  await time.until(tab.auth.logout());
  assert.deepEqual(channels.said, [{ ended: "s1", reason: "logout" }]);
});

test("who hears of a sign-out leaves the storage alone: another sign-in may have filled it", async (t) => {
  const storage = fakeStorage("r1");
  const { server, channels, time, openTabs } = fakeBrowser(t, { transport: "body", storage });
  server.routes["POST /api/refresh"] = () => tokenAnswer(accessToken(), { refresh_token: "r2" });
  await openTabs(1);
  const [tab] = await openTabs(1);
  storage.setItem("evergreen.https___app.test_api", "of the next sign-in");
  await channels.say({ ended: "s1", reason: "logout" });
  await time.pass(1);
  assert.deepEqual(tab.events, ["signedout logout"]);
  assert.deepEqual(storage.values(), ["of the next sign-in"]);
});

test("the end of another session is nobody's business", async (t) => {
  const { channels, openTabs } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  await channels.say({ ended: "s2", reason: "logout" });
  assert.deepEqual(tab.events, []);
  assert.deepEqual(tab.auth.user, USER);
});

test("a message that arrives after logout() began is dropped", async (t) => {
  const { server, channels, openTabs, time } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  const answer = deferred();
  server.routes["POST /api/logout"] = () => answer.promise;
  const logout = tab.auth.logout();
  await channels.say(news(time, accessToken({ age: -50 })));
  await channels.say(news(time, accessToken({ sid: "s2" }), { source: "login" }));
  answer.resolve(noContent());
  await time.until(logout);
  await channels.say(news(time, accessToken({ age: -60 })));
  await channels.say({ ended: "s1", reason: "logout" });
  assert.equal(tab.auth.accessToken, null);
  assert.deepEqual(tab.events, ["signedout logout"]);
});

test("a new token from another tab brings its end and its user along, without a call", async (t) => {
  const { channels, openTabs, time, server } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  const token = accessToken({ age: -50 });
  const user = { ...USER, first_name: "Jane" };
  await channels.say(news(time, token, { user }));
  assert.equal(tab.auth.accessToken, token);
  assert.equal(tab.auth.expiresAt, time.now() + 3_600_000);
  assert.deepEqual(tab.auth.user, user);
  assert.deepEqual(tab.events, ["token tab"]);
  assert.deepEqual(server.calls, []);
});

test("what was heard is not said again: no message goes round", async (t) => {
  const { channels, openTabs, time } = fakeBrowser(t);
  const [tab] = await openTabs(5);
  await time.until(tab.auth.refresh());
  await time.pass(1);
  assert.equal(channels.said.length, 1);
});

test("a late message about an older token is ignored", async (t) => {
  const { channels, openTabs, time } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  await time.until(tab.auth.refresh());
  const { accessToken: current } = tab.auth;
  tab.events.length = 0;
  await channels.say(news(time, accessToken({ age: 0 })));
  await channels.say(news(time, current));
  assert.equal(tab.auth.accessToken, current);
  assert.deepEqual(tab.events, []);
});

test("of two messages in swapped order the newer token stays", async (t) => {
  const { channels, openTabs, time } = fakeBrowser(t);
  const [first, second] = await openTabs(2);
  channels.hold();
  await time.until(first.auth.refresh());
  await time.pass(1);
  await time.until(first.auth.refresh());
  await channels.deliver((messages) => messages.reverse());
  assert.equal(second.auth.accessToken, first.auth.accessToken);
  assert.deepEqual(second.events, ["token tab"]);
});

test("a sign-in in one tab signs in the others, where nobody is", async (t) => {
  const { openTabs, time } = fakeBrowser(t, { server: fakeSessions({ sid: null }) });
  const tabs = await openTabs(3);
  assert.deepEqual(
    tabs.map(({ auth }) => auth.user),
    [null, null, null],
  );
  await time.until(tabs[0].auth.login(CREDENTIALS));
  await time.pass(1);
  assert.deepEqual(tabs[0].events, ["token login", "signedin"]);
  for (const { auth, events } of tabs.slice(1)) {
    assert.deepEqual(auth.user, USER);
    assert.deepEqual(events, ["token tab", "signedin"]);
  }
});

test("a refresh of another tab does not sign in a tab where nobody is: that takes a sign-in", async (t) => {
  const { openTabs, channels, time } = fakeBrowser(t, { server: fakeSessions({ sid: null }) });
  const [tab] = await openTabs(1);
  await channels.say(news(time, accessToken()));
  assert.equal(tab.auth.user, null);
  assert.deepEqual(tab.events, []);
});

test("a sign-in in one tab does not reach a tab that is signed in as another session", async (t) => {
  const { openTabs, channels, time } = fakeBrowser(t);
  const [tab] = await openTabs(1);
  const { accessToken: own } = tab.auth;
  await channels.say(news(time, accessToken({ sid: "s2", age: -50 }), { user: OTHER_USER, source: "login" }));
  assert.equal(tab.auth.accessToken, own);
  assert.deepEqual(tab.auth.user, USER);
  assert.deepEqual(tab.events, []);
});

test("after a sign-out here another tab's sign-in is not this one's, and a sign-in here is", async (t) => {
  const { openTabs, time } = fakeBrowser(t);
  const [tab, other] = await openTabs(2);
  await time.until(tab.auth.logout());
  await time.until(other.auth.login(CREDENTIALS));
  await time.pass(1);
  assert.equal(tab.auth.user, null);
  await time.until(tab.auth.login(CREDENTIALS));
  assert.deepEqual(tab.auth.user, USER);
});

test("with the body transport and storages of their own tabs do not take each other's sessions", async (t) => {
  const sids = ["s1", "s2", "s3"];
  const { server, open, time } = fakeBrowser(t, { transport: "body" });
  server.routes["POST /api/refresh"] = async ({ request }) => {
    const sid = (await request.json()).refresh_token;
    return tokenAnswer(accessToken({ sid, age: -50 }));
  };
  server.routes["POST /api/login"] = () => tokenAnswer(accessToken({ sid: "s9" }), { refresh_token: "s9" });
  const tabs = sids.map((sid) => open({ storage: fakeStorage(sid) }));
  const nobody = open({ storage: fakeStorage() });
  await time.until(Promise.all([...tabs, nobody].map(({ auth }) => auth.ready)));
  await time.pass(1);
  const signingIn = open({ storage: fakeStorage() });
  await time.until(signingIn.auth.login(CREDENTIALS));
  await time.pass(1);
  assert.deepEqual(
    tabs.map(({ auth }) => auth.accessToken),
    sids.map((sid) => accessToken({ sid, age: -50 })),
  );
  assert.equal(nobody.auth.user, null);
  assert.deepEqual(nobody.events, []);
});

test("another session's token does not end the refresh that is under way", async (t) => {
  const { tab, channels, time, answer, refresh } = await refreshingTab(t);
  await channels.say(news(time, accessToken({ sid: "s2", age: -50 })));
  const token = accessToken({ age: -70 });
  answer.resolve(tokenAnswer(token));
  await time.until(refresh);
  assert.equal(tab.auth.accessToken, token);
});

test("a newer token that is heard of while this tab refreshes is the one to keep", async (t) => {
  const { tab, channels, time, answer, refresh } = await refreshingTab(t);
  const token = accessToken({ age: -90 });
  await channels.say(news(time, token));
  answer.resolve(tokenAnswer(accessToken({ age: -70 })));
  assert.deepEqual(await time.until(refresh), USER);
  assert.equal(tab.auth.accessToken, token);
  assert.deepEqual(tab.events, ["token tab"]);
});

test("a sign-out that is heard of while this tab refreshes wins", async (t) => {
  const { tab, channels, time, answer, refresh } = await refreshingTab(t);
  const rejected = assert.rejects(refresh, { name: "SessionEndedError" });
  await channels.say({ ended: "s1", reason: "logout" });
  answer.resolve(tokenAnswer(accessToken({ age: -70 })));
  await time.until(rejected);
  assert.equal(tab.auth.accessToken, null);
  assert.deepEqual(tab.events, ["signedout logout"]);
});

for (const [what, message] of [
  ["null", () => null],
  ["undefined", () => undefined],
  ["a string", () => "hello"],
  ["a number", () => 7],
  ["an empty object", () => ({})],
  ["a token that is none", (time) => news(time, "not.a.token")],
  ["a token that is no text", (time) => news(time, { sid: "s1" })],
  ["a token without an end", (time) => news(time, accessToken({ age: -50 }), { expiresAt: undefined })],
  ["an end that is no number", (time) => news(time, accessToken({ age: -50 }), { expiresAt: "soon" })],
  ["the end of nothing", () => ({ ended: undefined, reason: "logout" })],
]) {
  test(`garbage on the channel is ignored: ${what}`, async (t) => {
    const { server, channels, openTabs, time } = fakeBrowser(t);
    const [tab] = await openTabs(1);
    const { accessToken: own } = tab.auth;
    await channels.say(message(time));
    await time.pass(1);
    assert.equal(tab.auth.accessToken, own);
    assert.deepEqual(tab.events, []);
    assert.deepEqual(server.calls, []);
  });
}

test("garbage is ignored where nobody is signed in as well", async (t) => {
  const { channels, openTabs, time } = fakeBrowser(t, { server: fakeSessions({ "POST /api/refresh": () => over() }) });
  const [tab] = await openTabs(1);
  await channels.say({ ended: undefined });
  await channels.say(news(time, undefined, { source: "login" }));
  assert.equal(tab.auth.user, null);
  assert.deepEqual(tab.events, []);
});
