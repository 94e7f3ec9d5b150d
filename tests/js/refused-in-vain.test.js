// Calls that are not repeated: the session is over, the refresh fails, or somebody else has signed in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, ME, newer, ok, tokensOf } from "./guarded-api.js";
import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  problem,
  refused,
  settle,
  signedIn,
  tokenAnswer,
} from "./harness.js";

test("when the session is over the caller gets the 401, and its body", async () => {
  const { auth, events, server } = await signedIn({ routes: { "GET /api/me": refused } });
  const answer = await auth.fetch(ME);
  assert.equal(answer.status, 401);
  assert.equal((await answer.json()).code, "invalid_token");
  assert.equal(server.sent("/api/me").length, 1);
  assert.deepEqual(events, ["signedout ended"]);
});

test("once the session is over no call refreshes beforehand", async () => {
  const { auth, server, now } = await signedIn({ routes: { "GET /api/me": refused } });
  await auth.fetch(ME);
  now.forward(86_400);
  await auth.fetch(ME);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/me", "/api/refresh", "/api/me"],
  );
});

test("a refresh that fails in passing rejects the call and signs nobody out", async () => {
  const { auth, routes, token, events, now } = await signedIn({
    routes: { ...api(), "POST /api/refresh": () => problem(429, "too_many_requests", { "Retry-After": "9" }) },
  });
  await assert.rejects(auth.fetch(ME), { name: "TransientError", status: 429, retryAfter: 9 });
  delete routes["POST /api/refresh"];
  now.forward(20);
  await assert.rejects(auth.fetch(ME), (error) => error.name === "TransientError" && error.cause instanceof TypeError);
  assert.equal(auth.accessToken, token);
  assert.deepEqual(events, []);
});

test("with refresh switched off the session ends with its access token", async () => {
  const { auth, events, server } = await signedIn({
    routes: { ...api(), "POST /api/refresh": () => problem(404, "not_found") },
  });
  const [answer] = await Promise.all([auth.fetch(ME), auth.fetch(ME)]);
  assert.equal(answer.status, 401);
  assert.equal(auth.user, null);
  assert.deepEqual(events, ["signedout ended"]);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("with refresh switched off a newer token that came meanwhile is kept and used", async () => {
  const [off, side] = [deferred(), deferred()];
  const routes = { ...api([newer]), "POST /api/refresh": () => off.promise, "GET /api/side": () => side.promise };
  const { auth, events } = await signedIn({ routes });
  const calls = [auth.fetch(`${BASE}/side`), auth.fetch(ME)];
  await settle();
  side.resolve(ok({ "X-New-Token": newer }));
  await calls[0];
  off.resolve(problem(404, "not_found"));
  assert.equal((await calls[1]).status, 200);
  assert.deepEqual(events, ["token header"]);
});

test("a call that was refused before a new sign-in is not repeated in the name of another", async () => {
  const slow = deferred();
  const { auth, server } = await signedIn({ routes: { ...api(), "POST /api/me": () => slow.promise } });
  const call = auth.fetch(ME, { method: "POST" });
  await settle();
  await auth.login(CREDENTIALS);
  slow.resolve(refused());
  assert.equal((await call).status, 401);
  assert.equal(server.sent("/api/me").length, 1);
});

test("a call is not repeated in the name of the user whose cookie took over", async () => {
  const other = accessToken({ sid: "s2" });
  const { auth, server, events } = await signedIn({
    routes: { ...api([other]), "POST /api/refresh": () => tokenAnswer(other) },
  });
  assert.equal((await auth.fetch(ME)).status, 401);
  assert.equal(server.sent("/api/me").length, 1);
  assert.deepEqual(events, ["token refresh", "signedin"]);
  assert.equal((await auth.fetch(ME)).status, 200);
});

test("a call that refreshed beforehand is not sent in the name of the user whose cookie took over", async () => {
  const other = accessToken({ sid: "s2" });
  const { auth, now, server } = await signedIn({
    routes: { ...api([other]), "POST /api/refresh": () => tokenAnswer(other) },
  });
  now.forward(86_400);
  await auth.fetch(ME);
  assert.deepEqual(tokensOf(server.sent("/api/me")), [null]);
});
