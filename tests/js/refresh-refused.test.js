// A refresh in vain: a 401 ends the session, and nothing else does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeStorage, over, problem, signedIn, USER } from "./harness.js";
import { passing, refreshing } from "./refreshing.js";

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
