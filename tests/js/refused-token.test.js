// A token that the API refuses is replaced and the call repeated, once; other refusals are the caller's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, fresh, ME, newer, ok, tokensOf } from "./guarded-api.js";
import {
  accessToken,
  BASE,
  deferred,
  makeAuth,
  problem,
  REFUSED,
  refused,
  settle,
  signedIn,
  tokenAnswer,
} from "./harness.js";

test("a refused token is refreshed and the call repeated, unseen", async () => {
  const { auth, server, token, events } = await signedIn({ routes: api() });
  assert.equal((await auth.fetch(ME)).status, 200);
  assert.deepEqual(
    server.calls.map((call) => [call.path, call.token]),
    [
      ["/api/me", token],
      ["/api/refresh", null],
      ["/api/me", fresh],
    ],
  );
  assert.deepEqual(events, ["token refresh"]);
});

for (const challenge of [
  'Bearer realm="api", error="invalid_token", error_description="expired"',
  "bearer error=invalid_token",
  'Basic realm="x", Bearer error="invalid_token"',
]) {
  test(`${challenge} is a refused token`, async () => {
    const first = problem(401, "invalid_token", { "WWW-Authenticate": challenge });
    const { auth, routes } = await signedIn({ routes: api() });
    const healthy = routes["GET /api/me"];
    routes["GET /api/me"] = (call) => (call.token === fresh ? healthy(call) : first);
    assert.equal((await auth.fetch(ME)).status, 200);
  });
}

for (const challenge of [
  null,
  "Bearer",
  'Bearer error="insufficient_scope"',
  'DPoP error="invalid_token"',
  'Basic realm="api"',
]) {
  test(`a 401 with ${challenge ?? "no challenge"} is the caller's own affair`, async () => {
    const answer = () => problem(401, "some_code", challenge ? { "WWW-Authenticate": challenge } : {});
    const { auth, server, events } = await signedIn({ routes: { ...api(), "GET /api/me": answer } });
    assert.equal((await auth.fetch(ME)).status, 401);
    assert.equal(server.calls.length, 1);
    assert.deepEqual(events, []);
  });
}

test("a 401 to a call without a token, from nobody, is no reason to refresh", async () => {
  const unauthorized = () => problem(401, "no_token", { "WWW-Authenticate": "Bearer" });
  const { auth, server, routes } = makeAuth({
    routes: { "POST /api/refresh": unauthorized, "GET /api/me": unauthorized },
  });
  await auth.ready;
  routes["POST /api/refresh"] = () => tokenAnswer(fresh);
  assert.equal((await auth.fetch(ME)).status, 401);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/refresh", "/api/me"],
  );
});

for (const status of [400, 403, 407, 500]) {
  test(`a ${status} is handed over as it is`, async () => {
    const { auth, server } = await signedIn({
      routes: {
        ...api(),
        "GET /api/me": () => problem(status, "some_code", { "WWW-Authenticate": 'Bearer error="invalid_token"' }),
      },
    });
    assert.equal((await auth.fetch(ME)).status, status);
    assert.equal(server.calls.length, 1);
  });
}

test("twenty refused calls at once make one refresh and twenty successes", async () => {
  const { auth, server } = await signedIn({ routes: api() });
  const answers = await Promise.all(Array.from({ length: 20 }, () => auth.fetch(ME)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.equal(server.sent("/api/me").length, 40);
});

test("a 401 for a token that is no longer the current one is repeated without a refresh", async () => {
  const slow = deferred();
  const { auth, server, routes } = await signedIn({ routes: { ...api(), "GET /api/slow": () => slow.promise } });
  const call = auth.fetch(`${BASE}/slow`);
  await auth.fetch(ME);
  routes["GET /api/slow"] = () => ok();
  slow.resolve(refused());
  assert.equal((await call).status, 200);
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.deepEqual(tokensOf(server.sent("/api/slow")), [accessToken(), fresh]);
});

test("a call is repeated once at most", async () => {
  const { auth, server, events } = await signedIn({ routes: api([]) });
  assert.equal((await auth.fetch(ME)).status, 401);
  assert.equal(server.sent("/api/me").length, 2);
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.deepEqual(events, ["token refresh"]);
});

test("a call that was repeated for a stale 401 is not repeated again", async () => {
  const slow = deferred();
  const { auth, server, routes } = await signedIn({ routes: { ...api(), "GET /api/slow": () => slow.promise } });
  const call = auth.fetch(`${BASE}/slow`);
  await auth.fetch(ME);
  routes["GET /api/slow"] = refused;
  slow.resolve(refused());
  assert.equal((await call).status, 401);
  assert.equal(server.sent("/api/slow").length, 2);
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("the answer to the repeated call may bring a new token, too", async () => {
  const { auth, routes } = await signedIn({ routes: api() });
  routes["GET /api/me"] = ({ token }) => (token === fresh ? ok({ "X-New-Token": newer }) : refused());
  await auth.fetch(ME);
  assert.equal(auth.accessToken, newer);
});

/** An API that refuses by an answer of the test's own. */
async function refusingBy(unread) {
  const world = await signedIn({ routes: api() });
  const healthy = world.routes["GET /api/me"];
  world.routes["GET /api/me"] = (call) => (call.token === fresh ? healthy(call) : unread());
  return world;
}

test("a copy of the refusal that somebody holds and does not read holds nothing up", async () => {
  const copies = [];
  const { auth } = await refusingBy(() => {
    const answer = refused();
    copies.push(answer.clone());
    return answer;
  });
  assert.equal((await auth.fetch(ME)).status, 200);
  assert.equal(copies.length, 1);
});

test("a refusal whose body breaks off is a refusal all the same", async () => {
  const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
  const { auth } = await refusingBy(() => new Response(body, { status: 401, headers: REFUSED }));
  assert.equal((await auth.fetch(ME)).status, 200);
  await settle(); // An unhandled rejection would fail this test.
});

test("the answer that nobody sees is not left to hold its connection", async () => {
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => (isCancelled = true) });
  const { auth } = await refusingBy(() => new Response(body, { status: 401, headers: REFUSED }));
  assert.equal((await auth.fetch(ME)).status, 200);
  assert.equal(isCancelled, true);
});
