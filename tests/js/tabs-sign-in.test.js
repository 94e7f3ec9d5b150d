// A sign-in in one tab is one in those where nobody is signed in, and in no other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, fakeSessions, news } from "./fake-browser.js";
import { accessToken, CREDENTIALS, fakeStorage, tokenAnswer, USER } from "./harness.js";

const OTHER_USER = { ...USER, id: 2, email: "other@example.com" };

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
