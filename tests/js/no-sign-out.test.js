// Only a definite answer of the API itself signs anybody out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeTime } from "./fake-time.js";
import { BASE, fakeStorage, makeAuth, over, problem, refused, signedIn, tokenAnswer, USER } from "./harness.js";

const portal = "<!doctype html><title>Free wifi</title>";
const html = { "Content-Type": "text/html" };

const passing = {
  "no network": () => Promise.reject(new TypeError("fetch failed")),
  "an answer that breaks off": () =>
    new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) })),
  "429": () => problem(429, "too_many_requests", { "Retry-After": "1" }),
  "500": () => problem(500, "internal"),
  "502 of a proxy": () => new Response("<h1>Bad Gateway</h1>", { status: 502, headers: html }),
  "504 without a body": () => new Response(null, { status: 504 }),
  "a 401 without a challenge": () => new Response("", { status: 401 }),
  "a 401 that asks for a password": () =>
    new Response(portal, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="proxy"' } }),
  "a 401 that asks for a Kerberos ticket": () =>
    new Response("", { status: 401, headers: { "WWW-Authenticate": "Negotiate" } }),
  "a 403 of a firewall": () => new Response(portal, { status: 403, headers: html }),
  "a 404 of a proxy": () => new Response(portal, { status: 404, headers: html }),
  "a 404 with somebody else's JSON": () => Response.json({ code: "NoSuchBucket" }, { status: 404 }),
  "a 511 of a captive portal": () => new Response(portal, { status: 511, headers: html }),
  "a captive portal's page": () => new Response(portal, { headers: html }),
  "somebody else's JSON": () => Response.json({ ok: true }),
  "JSON that is null": () => Response.json(null),
  "an access token that is none": () => Response.json({ access_token: "abc", expires_in: 60, user: USER }),
};

for (const [what, answer] of Object.entries(passing)) {
  test(`${what} signs nobody out, in a refresh as in a call`, async (t) => {
    const time = fakeTime(t);
    const storage = fakeStorage();
    const { auth, routes, token, events } = await signedIn({
      now: time.now,
      transport: "body",
      storage,
      answer: { refresh_token: "r1" },
      routes: { "POST /api/refresh": answer, "GET /api/me": answer },
    });
    await auth.fetch(`${BASE}/me`).catch(() => {});
    await assert.rejects(auth.refresh(), { name: "TransientError" });
    await time.pass(5);
    routes["GET /api/me"] = refused;
    await assert.rejects(auth.fetch(`${BASE}/me`), { name: "TransientError" });
    assert.equal(auth.accessToken, token);
    assert.deepEqual(auth.user, USER);
    assert.deepEqual(storage.values(), ["r1"]);
    assert.deepEqual(events, []);
  });
}

for (const challenge of ["Bearer", 'Bearer realm="api", error="invalid_token"', "Basic, Bearer", "bearer"]) {
  test(`a 401 with the challenge ${challenge} to a refresh does end the session`, async () => {
    const { auth, events } = await signedIn({
      routes: { "POST /api/refresh": () => problem(401, "session_ended", { "WWW-Authenticate": challenge }) },
    });
    await assert.rejects(auth.refresh(), { name: "SessionEndedError" });
    assert.deepEqual(events, ["signedout ended"]);
  });
}

test("after a failure in passing a definite answer still counts", async (t) => {
  const time = fakeTime(t);
  const { auth, routes, events } = await signedIn({ now: time.now, routes: { "POST /api/refresh": passing[500] } });
  await assert.rejects(auth.refresh(), { name: "TransientError" });
  await time.pass(0.2);
  routes["POST /api/refresh"] = () => over();
  await time.pass(2);
  await assert.rejects(auth.refresh(), { name: "SessionEndedError" });
  assert.deepEqual(events, ["signedout ended"]);
});

test("a proxy's 404 on load leaves the stored refresh token in its place, and the API is asked again", async (t) => {
  const time = fakeTime(t);
  const storage = fakeStorage("r1");
  const routes = { "POST /api/refresh": passing["a 404 of a proxy"] };
  const { auth, events } = makeAuth({ now: time.now, transport: "body", storage, routes });
  assert.equal(await auth.ready, null);
  assert.deepEqual(storage.values(), ["r1"]);
  routes["POST /api/refresh"] = () => tokenAnswer();
  await time.pass(2);
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token refresh", "signedin"]);
});
