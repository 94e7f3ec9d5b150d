// The face of the client: what createAuth does at once, what it shows, and what it tells.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuth } from "../../static/js/evergreen/index.js";
import { fakePage } from "./fake-page.js";
import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  fakeServer,
  fakeStorage,
  json,
  makeAuth,
  over,
  problem,
  refused,
  settle,
  signedIn,
  tokenAnswer,
  USER,
} from "./harness.js";

const hello = { "GET /api/me": () => json(USER) };

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

test("the cookie transport never touches the storage", async () => {
  const storage = fakeStorage("r1");
  const routes = {
    "POST /api/refresh": () => tokenAnswer(),
    "POST /api/logout": () => new Response(null, { status: 204 }),
  };
  const { auth } = await signedIn({ storage, routes, answer: { refresh_token: "r2" } });
  await auth.refresh();
  await auth.logout();
  assert.deepEqual(storage.log, []);
});

test("the storage never sees an access token", async () => {
  const storage = fakeStorage();
  await signedIn({ transport: "body", storage, answer: { refresh_token: "r1" } });
  assert.deepEqual(storage.values(), ["r1"]);
});

test("a sign-in without a refresh token leaves no older one behind", async () => {
  const storage = fakeStorage();
  const { auth, routes } = await signedIn({ transport: "body", storage, answer: { refresh_token: "r1" } });
  routes["POST /api/login"] = () => tokenAnswer();
  await auth.login(CREDENTIALS);
  assert.deepEqual(storage.values(), []);
});

test("a sign-in whose refresh token cannot be stored fails as a whole", async () => {
  const storage = { ...fakeStorage(), setItem: () => Promise.reject(new Error("quota")) };
  const routes = { "POST /api/login": () => tokenAnswer(accessToken(), { refresh_token: "r1" }) };
  const { auth } = makeAuth({ transport: "body", storage, routes });
  await assert.rejects(auth.login(CREDENTIALS), { name: "TransientError" });
  assert.equal(auth.accessToken, null);
});

test("expiresAt is made from expires_in and the local clock, however wrong that is", async () => {
  const { auth, now } = await signedIn({ answer: { expires_in: 90 } });
  assert.equal(auth.expiresAt, now() + 90_000);
});

test("signing in tells of the token first, then of the user", async () => {
  const { auth, events } = makeAuth({ routes: { "POST /api/login": () => tokenAnswer() } });
  let detail;
  auth.addEventListener("signedin", (event) => ({ detail } = event));
  await auth.login(CREDENTIALS);
  assert.deepEqual(events, ["token login", "signedin"]);
  assert.deepEqual(detail, { user: USER });
});

test("where there is a document the cookie is the default", async (t) => {
  fakePage(t, { navigator: {}, BroadcastChannel: undefined, localStorage: undefined });
  const server = fakeServer({ "POST /api/refresh": () => tokenAnswer() });
  const auth = createAuth({ fetch: server.fetch });
  assert.deepEqual(await auth.ready, USER);
  assert.equal(server.calls[0].request.url, `${BASE}/refresh`);
  assert.ok(auth.expiresAt > Date.now());
});

test("where there is none the body is, with a memory for storage", async () => {
  const routes = {
    "POST /api/login": () => tokenAnswer(accessToken(), { refresh_token: "r1" }),
    "POST /api/refresh": () => tokenAnswer(),
  };
  const server = fakeServer(routes);
  const auth = createAuth({ baseURL: BASE, fetch: server.fetch });
  await auth.login(CREDENTIALS);
  await auth.refresh();
  const [login, refresh] = await Promise.all(server.calls.map(({ request }) => request.json()));
  assert.equal(login.transport, "body");
  assert.equal(refresh.refresh_token, "r1");
});

test("the fetch of the moment of creation is the default", async (t) => {
  const server = fakeServer(hello);
  t.mock.method(globalThis, "fetch", server.fetch);
  const auth = createAuth({ baseURL: BASE });
  t.mock.restoreAll();
  assert.equal((await auth.fetch(`${BASE}/me`)).status, 200);
});

test("fetch is called as a plain function, as browsers demand", async () => {
  const seen = [];
  function fetch() {
    seen.push(this);
    return Promise.resolve(json({}));
  }
  const auth = createAuth({ baseURL: BASE, fetch, transport: "cookie" });
  await auth.fetch(`${BASE}/me`);
  await auth.fetch("https://other.test/");
  await auth.fetch(`${BASE}/me`, { headers: { Authorization: "Basic abc" } });
  assert.deepEqual(new Set(seen), new Set([undefined]));
});

test("auth.fetch may be handed to a library as a function", async () => {
  const { auth, token, server } = await signedIn({ routes: hello });
  const { fetch } = auth;
  await fetch(`${BASE}/me`);
  assert.equal(server.calls[0].token, token);
});

test("onSignedOut is called once, when the session ends", async () => {
  const reasons = [];
  const onSignedOut = ({ detail }) => reasons.push(detail.reason);
  const { auth } = await signedIn({ onSignedOut, routes: { "GET /api/me": refused } });
  await Promise.all([auth.fetch(`${BASE}/me`), auth.fetch(`${BASE}/me`)]);
  assert.deepEqual(reasons, ["ended"]);
});

test("a second sign-in takes the place of the first under way", async () => {
  const first = deferred();
  const { auth, routes } = makeAuth({ routes: { "POST /api/login": () => first.promise } });
  const attempt = auth.login(CREDENTIALS);
  await settle();
  const newer = accessToken({ sid: "s2" });
  routes["POST /api/login"] = () => tokenAnswer(newer);
  await Promise.all([assert.rejects(attempt, { name: "AbortError" }), auth.login(CREDENTIALS)]);
  first.resolve(tokenAnswer());
  await settle();
  assert.equal(auth.accessToken, newer);
});

test("a failed sign-in leaves the session that was there", async () => {
  const { auth, routes, token, events } = await signedIn();
  routes["POST /api/login"] = () => problem(401, "invalid_credentials");
  await assert.rejects(auth.login(CREDENTIALS), { code: "invalid_credentials" });
  assert.equal(auth.accessToken, token);
  assert.deepEqual(events, []);
});
