// A sign-out forgets everything at once, whatever the server and the storage do.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  fakeStorage,
  noContent,
  problem,
  settle,
  signedIn,
  tokenAnswer,
} from "./harness.js";
import { fresh, passing } from "./refreshing.js";

test("signing out forgets everything before the server has answered", async () => {
  const reply = deferred();
  const storage = fakeStorage();
  const routes = { "POST /api/logout": () => reply.promise };
  const { auth, events } = await signedIn({ transport: "body", storage, routes, answer: { refresh_token: "r1" } });
  auth.addEventListener("signedout", () => assert.deepEqual(storage.values(), []));
  const logout = auth.logout();
  assert.equal(auth.accessToken, null);
  assert.equal(auth.user, null);
  assert.deepEqual(storage.values(), []);
  assert.deepEqual(events, ["signedout logout"]);
  reply.resolve(noContent());
  await logout;
  assert.deepEqual(events, ["signedout logout"]);
});

for (const [what, answer] of [
  ["the network", passing["no answer"]],
  ["the server", passing[503]],
]) {
  test(`${what} failing at sign-out brings nothing back, and says so`, async () => {
    const { auth, events } = await signedIn({
      routes: { "POST /api/logout": answer, "POST /api/refresh": () => tokenAnswer() },
    });
    assert.equal(await auth.logout(), false);
    assert.equal(auth.accessToken, null);
    assert.deepEqual(events, ["signedout logout"]);
  });
}

test("a storage that fails at sign-out does not keep the server from being told", async () => {
  const storage = fakeStorage();
  const { auth, server, token } = await signedIn({
    transport: "body",
    storage,
    routes: { "POST /api/logout": noContent },
  });
  storage.removeItem = () => Promise.reject(new Error("locked"));
  await assert.rejects(auth.logout(), { name: "TransientError" });
  assert.equal(server.sent("/api/logout")[0].token, token);
  assert.equal(auth.accessToken, null);
});

test("a storage that fails at two sign-outs at once is told to both callers, and to nobody else", async () => {
  const storage = fakeStorage();
  const reply = deferred();
  const routes = { "POST /api/logout": () => reply.promise };
  const { auth } = await signedIn({ transport: "body", storage, routes });
  storage.removeItem = () => Promise.reject(new Error("locked"));
  const logouts = [auth.logout(), auth.logout()].map((logout) => assert.rejects(logout, { name: "TransientError" }));
  // An unhandled rejection would fail this test.
  await settle();
  reply.resolve(noContent());
  await Promise.all(logouts);
});

test("after logout() nothing refreshes itself back in", async () => {
  const routes = {
    "POST /api/refresh": () => tokenAnswer(fresh),
    "POST /api/logout": noContent,
    "GET /api/me": () => problem(401, "no_token", { "WWW-Authenticate": "Bearer" }),
  };
  const { auth, server, events } = await signedIn({ routes });
  await auth.logout();
  assert.equal((await auth.fetch(`${BASE}/me`)).status, 401);
  await assert.rejects(auth.refresh(), { name: "SessionEndedError" });
  assert.deepEqual(
    server.calls.map(({ path, token }) => [path, token]),
    [
      ["/api/logout", accessToken()],
      ["/api/me", null],
    ],
  );
  assert.deepEqual(events, ["signedout logout"]);
});

test("a second logout() makes no second event", async () => {
  const { auth, events } = await signedIn({ routes: { "POST /api/logout": noContent } });
  await Promise.all([auth.logout(), auth.logout()]);
  assert.deepEqual(events, ["signedout logout"]);
});

test("one may sign in again after signing out", async () => {
  const { auth, token } = await signedIn({
    routes: { "POST /api/logout": noContent, "POST /api/refresh": () => tokenAnswer(fresh) },
  });
  await auth.logout();
  await auth.login(CREDENTIALS);
  assert.equal(auth.accessToken, token);
  await auth.refresh();
  assert.equal(auth.accessToken, fresh);
});
