// The face of the client: what createAuth takes for granted, what it shows, and what it tells.

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
  hello,
  json,
  makeAuth,
  problem,
  refused,
  settle,
  signedIn,
  tokenAnswer,
  USER,
} from "./harness.js";

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
