// A sign-out, or the end of a session, in one tab is one in all of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser, news } from "./fake-browser.js";
import { accessToken, deferred, fakeStorage, noContent, tokenAnswer, USER } from "./harness.js";

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
