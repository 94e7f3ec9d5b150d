// A session is restored on load, by its cookie or by the storage; who cannot be restored is nobody.

import assert from "node:assert/strict";
import { test } from "node:test";

import { accessToken, BASE, fakeStorage, hello, json, makeAuth, over, problem, tokenAnswer, USER } from "./harness.js";

test("a cookie restores the session on load", async () => {
  const token = accessToken();
  const { auth, server, events, now } = makeAuth({
    routes: { "POST /api/refresh": () => tokenAnswer(token, { expires_in: 3600 }) },
  });
  assert.deepEqual(await auth.ready, USER);
  assert.deepEqual(auth.user, USER);
  assert.equal(auth.accessToken, token);
  assert.equal(auth.expiresAt, now() + 3_600_000);
  assert.equal(server.calls.length, 1);
  assert.deepEqual(events, ["token refresh", "signedin"]);
});

test("no cookie on load just means that nobody is signed in", async () => {
  const { auth, events, server } = makeAuth({
    routes: { ...hello, "POST /api/refresh": () => over("no_token") },
  });
  assert.equal(await auth.ready, null);
  await auth.fetch(`${BASE}/me`);
  assert.deepEqual(events, []);
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.equal(server.sent("/api/me")[0].token, null);
});

test("refresh switched off on the server means the same on load", async () => {
  const { auth, events, server } = makeAuth({
    routes: { ...hello, "POST /api/refresh": () => problem(404, "not_found") },
  });
  assert.equal(await auth.ready, null);
  await auth.fetch(`${BASE}/me`);
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.deepEqual(events, []);
});

test("a server that is away on load is asked again at the next call", async () => {
  const { auth, server, routes, events, now } = makeAuth({ routes: { ...hello } });
  assert.equal(await auth.ready, null);
  now.forward(1);
  routes["POST /api/refresh"] = () => tokenAnswer();
  assert.equal((await auth.fetch(`${BASE}/me`)).status, 200);
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
  assert.equal(server.sent("/api/me")[0].token, auth.accessToken);
});

test("while it is not known whether somebody is signed in, a 401 is no sign-out but a passing failure", async () => {
  const routes = {
    "GET /api/me": () => problem(401, "no_token", { "WWW-Authenticate": "Bearer" }),
    "GET /api/openapi.json": () => json({ openapi: "3.1.0" }),
    "POST /api/refresh": () => problem(503, "unavailable", { "Retry-After": "5" }),
  };
  const { auth } = makeAuth({ routes });
  await assert.rejects(auth.fetch(`${BASE}/me`), { name: "TransientError", status: 503, retryAfter: 5 });
  assert.equal((await auth.fetch(`${BASE}/openapi.json`)).status, 200);
});

test("the body transport restores from the storage", async () => {
  const storage = fakeStorage("r1");
  const routes = { "POST /api/refresh": () => tokenAnswer(accessToken(), { refresh_token: "r2" }) };
  const { auth, server } = makeAuth({ transport: "body", storage, routes });
  assert.deepEqual(await auth.ready, USER);
  assert.deepEqual(await server.calls[0].request.json(), { refresh_token: "r1" });
  assert.deepEqual(storage.values(), ["r2"]);
});

test("the body transport asks nobody when nothing is stored", async () => {
  const { auth, server } = makeAuth({ transport: "body", routes: hello });
  assert.equal(await auth.ready, null);
  await auth.fetch(`${BASE}/me`);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/me"],
  );
});

test("a stored refresh token that is dead is removed on load, without an event", async () => {
  const storage = fakeStorage("r1");
  const routes = { "POST /api/refresh": () => over("session_ended") };
  const { auth, events } = makeAuth({ transport: "body", storage, routes });
  assert.equal(await auth.ready, null);
  assert.deepEqual(storage.values(), []);
  assert.deepEqual(events, []);
});

test("a storage that fails on load keeps nobody waiting", async () => {
  const storage = { ...fakeStorage(), getItem: () => Promise.reject(new Error("locked")) };
  const { auth } = makeAuth({ transport: "body", storage });
  assert.equal(await auth.ready, null);
});

test("a mistake in the program is not hidden by restoring", async () => {
  const now = () => {
    throw new RangeError("a broken clock");
  };
  assert.throws(() => makeAuth({ now }), RangeError);
});
