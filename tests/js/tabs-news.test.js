// What tabs tell each other of new tokens, and what they do not believe.

import assert from "node:assert/strict";
import { test } from "node:test";

import { joinTabs } from "../../static/js/evergreen/tabs.js";
import { fakeBrowser, fakeChannels, fakeSessions, news } from "./fake-browser.js";
import { calm } from "./fake-time.js";
import { accessToken, deferred, over, settle, tokenAnswer, USER } from "./harness.js";

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
