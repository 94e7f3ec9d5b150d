// Calls to the API: the token goes to nobody else, a new one is adopted, a refused one is replaced once.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  json,
  makeAuth,
  problem,
  REFUSED,
  refused,
  settle,
  signedIn,
  tokenAnswer,
  USER,
} from "./harness.js";

const ME = `${BASE}/me`;
const fresh = accessToken({ age: -100 });
const newer = accessToken({ age: -200 });
const ok = (headers = {}) => json(USER, { headers });
const tokensOf = (calls) => calls.map(({ token }) => token);

/** An API that takes only `valid` tokens, and refreshes to `fresh`. */
function api(valid = [fresh]) {
  return {
    "GET /api/me": ({ token }) => (valid.includes(token) ? ok() : refused()),
    "POST /api/refresh": () => tokenAnswer(fresh),
    "POST /api/logout": () => new Response(null, { status: 204 }),
  };
}

/** An answer as the browser gives it after a redirect. */
function redirected(answer, url) {
  return Object.defineProperties(answer, { redirected: { value: true }, url: { value: url } });
}

test("a call under the base carries the access token", async () => {
  const { auth, server, token } = await signedIn({ routes: api([accessToken()]) });
  assert.equal((await auth.fetch(ME)).status, 200);
  assert.deepEqual(tokensOf(server.calls), [token]);
});

test("method, headers and the rest of a call stay as they were; credentials are not forced", async () => {
  const routes = { "PATCH /api/me": () => ok() };
  const { auth, server } = await signedIn({ routes });
  const init = { method: "PATCH", headers: { "X-Mine": "1" }, cache: "no-cache", redirect: "error" };
  await auth.fetch(ME, init);
  await auth.fetch(ME, { ...init, credentials: "omit" });
  const [{ request }, other] = server.calls;
  assert.equal(request.headers.get("X-Mine"), "1");
  assert.equal(request.cache, "no-cache");
  assert.equal(request.redirect, "error");
  assert.equal(request.credentials, "same-origin");
  assert.equal(other.request.credentials, "omit");
});

for (const url of [
  "https://other.test/api/me",
  "https://app.test/apiary",
  "https://app.test/api/../admin",
  "data:,hello",
]) {
  test(`${url} is passed on untouched: no token, and its answer means nothing here`, async () => {
    const { pathname } = new URL(url);
    const foreign = refused();
    foreign.headers.set("X-New-Token", newer);
    const { auth, server, token, events } = await signedIn({
      routes: { ...api(), [`GET ${pathname}`]: () => foreign },
    });
    const init = { headers: { "X-Mine": "1" } };
    assert.equal(await auth.fetch(url, init), foreign);
    assert.equal(server.calls.length, 1);
    assert.equal(server.calls[0].input, url);
    assert.equal(server.calls[0].init, init);
    assert.equal(server.calls[0].token, null);
    assert.equal(auth.accessToken, token);
    assert.deepEqual(events, []);
  });
}

test("a call waits for the restore under way", async () => {
  const restore = deferred();
  const { auth, server } = makeAuth({ routes: { ...api(), "POST /api/refresh": () => restore.promise } });
  const call = auth.fetch(ME);
  await settle();
  assert.equal(server.sent("/api/me").length, 0);
  restore.resolve(tokenAnswer(fresh));
  assert.equal((await call).status, 200);
  assert.deepEqual(tokensOf(server.sent("/api/me")), [fresh]);
});

test("a foreign call does not wait for the restore", async () => {
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => deferred().promise, "GET /x": () => ok() } });
  assert.equal((await auth.fetch("https://other.test/x")).status, 200);
});

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

test("X-New-Token is adopted, with its lifetime counted by the local clock", async () => {
  const { auth, now, events } = await signedIn({
    routes: { "GET /api/me": () => ok({ "X-New-Token": accessToken({ age: -100, lifetime: 600_000 }) }) },
  });
  await auth.fetch(ME);
  assert.equal(auth.accessToken, accessToken({ age: -100, lifetime: 600_000 }));
  assert.equal(auth.expiresAt, now() + 600_000_000);
  assert.deepEqual(auth.user, USER);
  assert.deepEqual(events, ["token header"]);
});

const unwanted = {
  "the same token": accessToken(),
  "an older token": accessToken({ age: 1 }),
  "a newer token of another session": accessToken({ sid: "s2", age: -100 }),
  garbage: "not.a.token",
  "an empty value": "",
};
for (const [what, value] of Object.entries(unwanted)) {
  test(`${what} in X-New-Token is left alone`, async () => {
    const { auth, token, events } = await signedIn({ routes: { "GET /api/me": () => ok({ "X-New-Token": value }) } });
    await auth.fetch(ME);
    assert.equal(auth.accessToken, token);
    assert.deepEqual(events, []);
  });
}

test("of two answers in swapped order the newer token stays", async () => {
  const [first, second] = [deferred(), deferred()];
  const answers = [first, second];
  const { auth } = await signedIn({ routes: { "GET /api/me": () => answers.shift().promise } });
  const calls = [auth.fetch(ME), auth.fetch(ME)];
  second.resolve(ok({ "X-New-Token": newer }));
  await calls[1];
  first.resolve(ok({ "X-New-Token": fresh }));
  await calls[0];
  assert.equal(auth.accessToken, newer);
});

test("X-New-Token that arrives after logout() began is dropped", async () => {
  const answer = deferred();
  const { auth, events } = await signedIn({ routes: { ...api(), "GET /api/me": () => answer.promise } });
  const call = auth.fetch(ME);
  await settle();
  const logout = auth.logout();
  answer.resolve(ok({ "X-New-Token": newer }));
  assert.equal((await call).status, 200);
  await logout;
  assert.equal(auth.accessToken, null);
  assert.deepEqual(events, ["signedout logout"]);
});

test("X-New-Token of a call from before a new sign-in is dropped, even in the same session", async () => {
  const answer = deferred();
  const { auth, token } = await signedIn({ routes: { "GET /api/me": () => answer.promise } });
  const call = auth.fetch(ME);
  await settle();
  await auth.login(CREDENTIALS);
  answer.resolve(ok({ "X-New-Token": newer }));
  await call;
  assert.equal(auth.accessToken, token);
});

test("X-New-Token of a redirect to elsewhere is left alone, and so is a 401", async () => {
  const elsewhere = () => redirected(refused(), "https://other.test/me");
  const withToken = () => redirected(ok({ "X-New-Token": newer }), "https://other.test/me");
  const { auth, routes, token, server } = await signedIn({ routes: { ...api(), "GET /api/me": elsewhere } });
  assert.equal((await auth.fetch(ME)).status, 401);
  routes["GET /api/me"] = withToken;
  await auth.fetch(ME);
  assert.equal(auth.accessToken, token);
  assert.equal(server.sent("/api/refresh").length, 0);
});

test("X-New-Token of a redirect within the API is adopted", async () => {
  const { auth } = await signedIn({
    routes: { "GET /api/me": () => redirected(ok({ "X-New-Token": newer }), `${BASE}/me/`) },
  });
  await auth.fetch(ME);
  assert.equal(auth.accessToken, newer);
});

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

test("the answer that nobody sees is not left to hold its connection", async () => {
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => (isCancelled = true) });
  const { auth, routes } = await signedIn({ routes: api() });
  const healthy = routes["GET /api/me"];
  const unread = () => new Response(body, { status: 401, headers: REFUSED });
  routes["GET /api/me"] = (call) => (call.token === fresh ? healthy(call) : unread());
  assert.equal((await auth.fetch(ME)).status, 200);
  assert.equal(isCancelled, true);
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

test("a caller's own Authorization header is respected: no token, no repeat, no adoption", async () => {
  const mine = { headers: { authorization: "Basic abc" } };
  const answer = () =>
    problem(401, "invalid_token", { "WWW-Authenticate": 'Bearer error="invalid_token"', "X-New-Token": newer });
  const { auth, server, token } = await signedIn({ routes: { ...api(), "GET /api/me": answer } });
  assert.equal((await auth.fetch(ME, mine)).status, 401);
  assert.equal((await auth.fetch(new Request(ME, mine))).status, 401);
  assert.deepEqual(
    server.calls.map(({ request }) => request.headers.get("Authorization")),
    ["Basic abc", "Basic abc"],
  );
  assert.equal(auth.accessToken, token);
});

test("a network failure of the call itself is the caller's, as with fetch", async () => {
  const { auth, events } = await signedIn();
  await assert.rejects(auth.fetch(ME), TypeError);
  assert.deepEqual(events, []);
});

test("an address that cannot be read rejects, as with fetch", async () => {
  const { auth } = await signedIn();
  await assert.rejects(auth.fetch("https://"), TypeError);
  await assert.rejects(auth.fetch(ME, { method: "GET", body: "x" }), TypeError);
});

test("an abort ends the wait for a restore", async () => {
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => deferred().promise } });
  const controller = new AbortController();
  const call = auth.fetch(ME, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
});

test("an abort ends the first send", async () => {
  const { auth, server } = await signedIn({ routes: { ...api(), "GET /api/me": () => deferred().promise } });
  const controller = new AbortController();
  const call = auth.fetch(ME, { signal: controller.signal });
  await settle();
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  assert.equal(server.calls.length, 1);
});

test("an abort ends the wait for a refresh, which goes on for the others", async () => {
  const refresh = deferred();
  const { auth, server } = await signedIn({ routes: { ...api(), "POST /api/refresh": () => refresh.promise } });
  const controller = new AbortController();
  const calls = [auth.fetch(ME, { signal: controller.signal }), auth.fetch(new Request(ME))];
  await settle();
  controller.abort();
  await assert.rejects(calls[0], { name: "AbortError" });
  refresh.resolve(tokenAnswer(fresh));
  assert.equal((await calls[1]).status, 200);
  assert.equal(server.sent("/api/me").length, 3);
});

test("an abort ends the second send", async () => {
  const { auth, server, routes } = await signedIn({ routes: api() });
  routes["GET /api/me"] = ({ token }) => (token === fresh ? deferred().promise : refused());
  const controller = new AbortController();
  const call = auth.fetch(new Request(ME, { signal: controller.signal }));
  await settle();
  assert.equal(server.sent("/api/me").length, 2);
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
});
