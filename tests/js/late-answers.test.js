// Nothing is kept that arrives after a sign-out or another sign-in began.

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
  noContent,
  over,
  settle,
  tokenAnswer,
  USER,
} from "./harness.js";
import { fresh, refreshing } from "./refreshing.js";

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
    storage.setItem = setItem;
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
