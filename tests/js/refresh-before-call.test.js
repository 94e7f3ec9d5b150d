// A token that is about to end is renewed before the call, not after its refusal.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, fresh, ME, tokensOf } from "./guarded-api.js";
import { accessToken, problem, signedIn } from "./harness.js";

test("an access token with less than refreshBefore left is refreshed before the call", async () => {
  const { auth, server, now, token } = await signedIn({ refreshBefore: 100, routes: api([fresh, accessToken()]) });
  now.forward(86_400 - 100);
  await auth.fetch(ME);
  now.forward(0.001);
  await auth.fetch(ME);
  assert.deepEqual(
    server.calls.map((call) => [call.path, call.token]),
    [
      ["/api/me", token],
      ["/api/refresh", null],
      ["/api/me", fresh],
    ],
  );
});

test("sixty seconds are the default", async () => {
  const { auth, server, now } = await signedIn({ routes: api([fresh, accessToken()]) });
  now.forward(86_400 - 60);
  await auth.fetch(ME);
  assert.equal(server.sent("/api/refresh").length, 0);
  now.forward(1);
  await auth.fetch(ME);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("a token with a short life is used for half of it at least", async () => {
  const { auth, server, now } = await signedIn({ answer: { expires_in: 20 }, routes: api([fresh, accessToken()]) });
  now.forward(10);
  await auth.fetch(ME);
  assert.equal(server.sent("/api/refresh").length, 0);
  now.forward(0.001);
  await auth.fetch(ME);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("a refresh beforehand that fails in passing does not stop a call whose token is still good", async () => {
  const routes = { ...api([accessToken()]), "POST /api/refresh": () => problem(503, "unavailable") };
  const { auth, now } = await signedIn({ routes });
  now.forward(86_400 - 30);
  assert.equal((await auth.fetch(ME)).status, 200);
});

test("a refresh beforehand that failed in passing is not repeated after the 401", async () => {
  const { auth, now, server, events } = await signedIn({
    routes: { ...api(), "POST /api/refresh": () => problem(503, "unavailable") },
  });
  now.forward(86_400);
  await assert.rejects(auth.fetch(ME), { name: "TransientError", status: 503 });
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.deepEqual(events, []);
});

test("a refresh beforehand that finds the session over sends no token", async () => {
  const routes = { "GET /api/me": () => problem(401, "no_token", { "WWW-Authenticate": "Bearer" }) };
  const { auth, now, server, events } = await signedIn({ routes });
  now.forward(86_400);
  assert.equal((await auth.fetch(ME)).status, 401);
  assert.deepEqual(tokensOf(server.sent("/api/me")), [null]);
  assert.deepEqual(events, ["signedout ended"]);
});
