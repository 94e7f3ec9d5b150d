// A refresh: one at a time, and what it brings is kept.

import assert from "node:assert/strict";
import { test } from "node:test";

import { accessToken, deferred, makeAuth, problem, settle, signedIn, tokenAnswer, USER } from "./harness.js";
import { fresh, refreshing } from "./refreshing.js";

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
