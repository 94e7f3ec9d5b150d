// A refresh token that was stored meanwhile stays: whatever becomes of a refresh of another that was under way, and
// when another session ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeBrowser } from "./fake-browser.js";
import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  fakeStorage,
  makeAuth,
  over,
  problem,
  refused,
  settle,
  tokenAnswer,
  unreachable,
  USER,
} from "./harness.js";

const signIn = accessToken({ sid: "s2" });
const login = () => tokenAnswer(signIn, { refresh_token: "new" });

const answers = {
  "a success": () => tokenAnswer(accessToken(), { refresh_token: "successor of the old" }),
  "a refusal": () => over(),
};

/** A storage whose operations are done one after the other, and `setItem` not before `opened`. */
function slowStorage(opened, refreshToken) {
  const { getItem, setItem, removeItem, values } = fakeStorage(refreshToken);
  let queue = Promise.resolve();
  const later = (operation) => (queue = queue.then(operation));
  return {
    values,
    getItem: (key) => later(() => getItem(key)),
    setItem: (key, value) => later(() => opened.then(() => setItem(key, value))),
    removeItem: (key) => later(() => removeItem(key)),
  };
}

for (const [what, answer] of Object.entries(answers)) {
  test(`${what} that comes late leaves the refresh token of a sign-in in another tab in its place`, async (t) => {
    const storage = fakeStorage("old");
    const { server, time, openTabs } = fakeBrowser(t, { transport: "body", storage, locks: null });
    server.routes["POST /api/refresh"] = unreachable;
    server.routes["POST /api/login"] = login;
    const [, other] = await openTabs(2);
    const late = deferred();
    server.routes["POST /api/refresh"] = () => late.promise.then(answer);
    await time.pass(2);
    assert.equal(server.sent("/api/refresh").length, 2);
    await time.until(other.auth.login(CREDENTIALS));
    late.resolve();
    await time.pass(1);
    assert.deepEqual(storage.values(), ["new"]);
    assert.equal(other.auth.accessToken, signIn);
  });

  test(`${what} that comes while the refresh token of a sign-in is being stored leaves that one there`, async () => {
    const [late, opened] = [deferred(), deferred()];
    const storage = slowStorage(opened.promise, "old");
    const routes = { "POST /api/refresh": () => late.promise.then(answer), "POST /api/login": login };
    const { auth } = makeAuth({ transport: "body", storage, routes });
    await settle();
    const signingIn = auth.login(CREDENTIALS);
    await settle();
    late.resolve();
    await settle();
    opened.resolve();
    assert.deepEqual(await signingIn, USER);
    await settle();
    assert.deepEqual(storage.values(), ["new"]);
    assert.equal(auth.accessToken, signIn);
  });
}

const ends = {
  "a sign-out": ({ auth }) => auth.logout(),
  "the end of a session that nothing refreshes": ({ auth }) => auth.fetch(`${BASE}/me`),
};
for (const [what, end] of Object.entries(ends)) {
  test(`${what} leaves the refresh token of a sign-in in another tab, of another account, in its place`, async (t) => {
    const storage = fakeStorage("old");
    const { server, time, openTabs } = fakeBrowser(t, { transport: "body", storage });
    const [tab, other] = await openTabs(2);
    const stored = accessToken({ sid: "s2", gen: 1 });
    server.routes["POST /api/login"] = () => tokenAnswer(signIn, { refresh_token: stored });
    server.routes["POST /api/refresh"] = () => problem(404, "not_found");
    server.routes["GET /api/me"] = () => refused();
    await time.until(other.auth.login(CREDENTIALS));
    await time.until(end(tab));
    await time.pass(1);
    assert.equal(tab.auth.user, null);
    assert.deepEqual(storage.values(), [stored]);
    assert.equal(other.auth.accessToken, signIn);
  });
}
