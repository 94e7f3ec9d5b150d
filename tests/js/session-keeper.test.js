// Renewing and ending: one refresh at a time, and nothing that arrives late is kept.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  fakeStorage,
  json,
  makeAuth,
  over,
  problem,
  settle,
  signedIn,
  tokenAnswer,
  USER,
} from "./harness.js";

const noContent = () => new Response(null, { status: 204 });
const fresh = accessToken({ age: -100 });

/** Signed in by the body transport, with a refresh whose answer the test decides on. */
async function refreshing(options) {
  const answer = deferred();
  const storage = fakeStorage();
  const routes = { "POST /api/refresh": () => answer.promise, "POST /api/logout": noContent };
  const world = await signedIn({ transport: "body", storage, routes, answer: { refresh_token: "r1" }, ...options });
  const refresh = world.auth.refresh();
  await settle();
  return { ...world, answer, storage, refresh };
}

test("callers at the same time share one refresh", async () => {
  const { auth, server, answer, refresh } = await refreshing();
  const others = Array.from({ length: 20 }, () => auth.refresh());
  assert.equal(others[0], refresh);
  answer.resolve(tokenAnswer(fresh));
  assert.deepEqual(
    await Promise.all(others),
    others.map(() => USER),
  );
  assert.equal(server.calls.length, 1);
});

test("a refresh on load and one by hand are the same", async () => {
  const { auth, server } = makeAuth({ routes: { "POST /api/refresh": () => tokenAnswer() } });
  await Promise.all([auth.refresh(), auth.ready]);
  assert.equal(server.calls.length, 1);
});

test("a later refresh is a new one, after success and after failure", async () => {
  const { auth, routes, server, now } = await signedIn({
    routes: { "POST /api/refresh": () => problem(500, "internal") },
  });
  await assert.rejects(auth.refresh());
  now.forward(1);
  routes["POST /api/refresh"] = () => tokenAnswer(fresh);
  await auth.refresh();
  await auth.refresh();
  assert.equal(server.calls.length, 3);
});

test("a refresh brings a new access token, a new end and the user as they are now", async () => {
  const user = { ...USER, first_name: "Jane" };
  const { auth, now, events } = await signedIn({
    routes: { "POST /api/refresh": () => tokenAnswer(fresh, { expires_in: 60, user }) },
  });
  assert.deepEqual(await auth.refresh(), user);
  assert.equal(auth.accessToken, fresh);
  assert.equal(auth.expiresAt, now() + 60_000);
  assert.deepEqual(auth.user, user);
  assert.deepEqual(events, ["token refresh"]);
});

test("a returned refresh token is stored before the new access token is used", async () => {
  const { auth, answer, storage, token, refresh } = await refreshing();
  const stored = deferred();
  const { setItem } = storage;
  storage.setItem = async (...item) => {
    await stored.promise;
    setItem(...item);
  };
  answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
  await settle();
  assert.equal(auth.accessToken, token);
  stored.resolve();
  await refresh;
  assert.deepEqual(storage.values(), ["r2"]);
  assert.equal(auth.accessToken, fresh);
});

test("a refresh token that cannot be stored leaves everything as it was", async () => {
  const { auth, answer, storage, token, refresh, events } = await refreshing();
  storage.setItem = () => Promise.reject(new Error("quota"));
  answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
  await assert.rejects(refresh, { name: "TransientError" });
  assert.equal(auth.accessToken, token);
  assert.deepEqual(storage.values(), ["r1"]);
  assert.deepEqual(events, []);
});

test("an answer without a refresh token keeps the stored one", async () => {
  const { answer, storage, refresh } = await refreshing();
  answer.resolve(tokenAnswer(fresh));
  await refresh;
  assert.deepEqual(storage.values(), ["r1"]);
});

test("a 401 ends the session, once", async () => {
  const { auth, answer, storage, refresh, events } = await refreshing();
  answer.resolve(over("token_reused"));
  await assert.rejects(refresh, { name: "SessionEndedError", status: 401, code: "token_reused" });
  await assert.rejects(auth.refresh());
  assert.equal(auth.accessToken, null);
  assert.equal(auth.user, null);
  assert.equal(auth.expiresAt, null);
  assert.deepEqual(storage.values(), []);
  assert.deepEqual(events, ["signedout ended"]);
});

const passing = {
  "no answer": () => Promise.reject(new TypeError("fetch failed")),
  "a page of a captive portal": () => new Response("<h1>Welcome</h1>"),
  ...Object.fromEntries(
    [400, 403, 408, 429, 500, 502, 503].map((status) => [
      status,
      () => problem(status, "some_code", { "Retry-After": "3" }),
    ]),
  ),
};
for (const [what, answer] of Object.entries(passing)) {
  test(`${what} to a refresh keeps everything`, async () => {
    const storage = fakeStorage();
    const routes = { "POST /api/refresh": answer };
    const { auth, token, events } = await signedIn({
      transport: "body",
      storage,
      routes,
      answer: { refresh_token: "r1" },
    });
    await assert.rejects(auth.refresh(), { name: "TransientError" });
    assert.equal(auth.accessToken, token);
    assert.deepEqual(auth.user, USER);
    assert.deepEqual(storage.values(), ["r1"]);
    assert.deepEqual(events, []);
  });
}

test("a passing failure carries status, code and seconds to wait, or the cause", async () => {
  const { auth, routes, now } = await signedIn({ routes: { "POST /api/refresh": passing[429] } });
  await assert.rejects(auth.refresh(), { status: 429, code: "some_code", retryAfter: 3 });
  now.forward(5);
  routes["POST /api/refresh"] = passing["no answer"];
  await assert.rejects(auth.refresh(), (error) => error.status === undefined && error.cause instanceof TypeError);
});

test("a 404 says that refresh is switched off; the session stays", async () => {
  const { auth, token, events } = await signedIn({ routes: { "POST /api/refresh": () => problem(404, "not_found") } });
  await assert.rejects(auth.refresh(), { name: "RefreshUnavailableError", status: 404 });
  assert.equal(auth.accessToken, token);
  assert.deepEqual(events, []);
});

test("without a refresh token the body transport says so; the session stays", async () => {
  const { auth, server, token } = await signedIn({ transport: "body" });
  await assert.rejects(auth.refresh(), { name: "RefreshUnavailableError" });
  assert.equal(auth.accessToken, token);
  assert.deepEqual(server.calls, []);
});

test("a cookie that belongs to another sign-in by now is a new sign-in", async () => {
  const user = { ...USER, id: 2 };
  const { auth, events } = await signedIn({
    routes: { "POST /api/refresh": () => tokenAnswer(accessToken({ sid: "s2" }), { user }) },
  });
  await auth.refresh();
  assert.equal(auth.accessToken, accessToken({ sid: "s2" }));
  assert.deepEqual(auth.user, user);
  assert.deepEqual(events, ["token refresh", "signedin"]);
});

test("a refresh answer that arrives after logout() began is dropped", async () => {
  const { auth, answer, storage, refresh, events } = await refreshing();
  const logout = auth.logout();
  answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
  await assert.rejects(refresh, { name: "SessionEndedError" });
  await logout;
  await settle();
  assert.equal(auth.accessToken, null);
  assert.deepEqual(storage.values(), []);
  assert.deepEqual(events, ["signedout logout"]);
});

test("logout() at any moment around the answer wins", async () => {
  for (let turns = 0; turns < 60; turns += 1) {
    const { auth, answer, storage, refresh } = await refreshing();
    answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
    for (let turn = 0; turn < turns; turn += 1) await null;
    await Promise.allSettled([auth.logout(), refresh]);
    assert.equal(auth.accessToken, null);
    assert.deepEqual(storage.values(), []);
  }
});

test("logout() while the new refresh token is being stored leaves nothing behind", async () => {
  const { auth, answer, storage, refresh } = await refreshing();
  const stored = deferred();
  const { setItem } = storage;
  storage.setItem = (...item) => {
    setItem(...item);
    return stored.promise;
  };
  answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
  await settle();
  await auth.logout();
  stored.resolve();
  await assert.rejects(refresh, { name: "SessionEndedError" });
  assert.equal(auth.accessToken, null);
  assert.deepEqual(storage.values(), []);
});

test("a refresh answer that arrives after a new sign-in is dropped", async () => {
  const { auth, routes, answer, storage, refresh } = await refreshing();
  const other = accessToken({ sid: "s2" });
  routes["POST /api/login"] = () => tokenAnswer(other, { refresh_token: "other" });
  await Promise.all([auth.login(CREDENTIALS), assert.rejects(refresh, { name: "SessionEndedError" })]);
  answer.resolve(tokenAnswer(fresh, { refresh_token: "r2" }));
  await settle();
  assert.equal(auth.accessToken, other);
  assert.deepEqual(storage.values(), ["other"]);
});

test("a late 401 to a refresh does not end the sign-in that came after", async () => {
  const { auth, answer, refresh, events } = await refreshing();
  await Promise.all([auth.login(CREDENTIALS), assert.rejects(refresh)]);
  answer.resolve(over("session_ended"));
  await settle();
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token login", "signedin"]);
});

test("a refresh under way is taken back by logout(), so that no late cookie is set", async () => {
  const { auth, server, refresh } = await refreshing();
  await Promise.all([auth.logout(), assert.rejects(refresh)]);
  assert.equal(server.sent("/api/refresh")[0].request.signal.aborted, true);
});

test("a refresh after a new sign-in does not share the one from before, nor is it forgotten with it", async () => {
  const { auth, routes, server, refresh } = await refreshing();
  const answer = deferred();
  routes["POST /api/refresh"] = () => answer.promise;
  const refreshes = [];
  auth.addEventListener("signedin", () => refreshes.push(auth.refresh()));
  await Promise.all([auth.login(CREDENTIALS), assert.rejects(refresh)]);
  refreshes.push(auth.refresh());
  answer.resolve(tokenAnswer(fresh));
  assert.deepEqual(await Promise.all(refreshes), [USER, USER]);
  assert.equal(server.sent("/api/refresh").length, 2);
});

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

test("a sign-in answer that arrives after logout() began is dropped", async () => {
  const answer = deferred();
  const storage = fakeStorage();
  const { auth, events } = makeAuth({
    transport: "body",
    storage,
    routes: { "POST /api/login": () => answer.promise },
  });
  const login = auth.login(CREDENTIALS);
  await settle();
  await auth.logout();
  answer.resolve(tokenAnswer(accessToken(), { refresh_token: "r1" }));
  await assert.rejects(login, { name: "AbortError" });
  await settle();
  assert.equal(auth.user, null);
  assert.deepEqual(storage.values(), []);
  assert.deepEqual(events, []);
});

test("logout() while restoring stops the restore", async () => {
  const answer = deferred();
  const { auth, events } = makeAuth({
    routes: { "POST /api/refresh": () => answer.promise, "POST /api/logout": noContent },
  });
  await settle();
  await auth.logout();
  answer.resolve(tokenAnswer());
  assert.equal(await auth.ready, null);
  assert.equal(auth.user, null);
  assert.deepEqual(events, []);
});

test("a sign-in while restoring is the one that counts", async () => {
  const token = accessToken({ sid: "s2" });
  const routes = {
    "POST /api/refresh": () => deferred().promise,
    "POST /api/login": () => tokenAnswer(token),
    "GET /api/me": () => json({}),
  };
  const { auth, server } = makeAuth({ routes });
  await auth.login(CREDENTIALS);
  assert.deepEqual(await auth.ready, USER);
  await auth.fetch(`${BASE}/me`);
  assert.equal(server.sent("/api/me")[0].token, token);
});
