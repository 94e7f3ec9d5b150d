// A real React: the hook knows who is signed in, and components follow.

import assert from "node:assert/strict";
import { test } from "node:test";

import { renderToString } from "react-dom/server";

import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  json,
  makeAuth,
  noContent,
  over,
  tokenAnswer,
  USER,
} from "./harness.js";
import { act, h, JANE, makeApp, shown } from "./react-world.js";

test("at first it is loading, then the restored user is there", async (t) => {
  const answer = deferred();
  const { text, state, auth } = await shown(t, { restore: () => answer.promise });
  assert.equal(text(), "…");
  assert.equal(state().user, null);
  answer.resolve(tokenAnswer());
  await act(() => auth.ready);
  assert.equal(text(), "Hello John");
  assert.equal(state().loading, false);
});

test("at first it is loading, then nobody is there", async (t) => {
  const answer = deferred();
  const { text, auth } = await shown(t, { restore: () => answer.promise });
  assert.equal(text(), "…");
  answer.resolve(over("no_token"));
  await act(() => auth.ready);
  assert.equal(text(), "Sign in");
});

test("a server that is away does not leave it loading", async (t) => {
  const { text, auth } = await shown(t, { restore: () => Promise.reject(new TypeError("fetch failed")) });
  await act(() => auth.ready);
  assert.equal(text(), "Sign in");
});

test("under Strict Mode one restore is one request", async (t) => {
  const { auth, server } = await shown(t, { restore: () => tokenAnswer() });
  await act(() => auth.ready);
  assert.equal(server.calls.length, 1);
});

test("signing in and out shows at once", async (t) => {
  const { text, state, auth } = await shown(t, {
    "POST /api/login": () => tokenAnswer(),
    "POST /api/logout": noContent,
  });
  await act(() => auth.ready);
  let user;
  await act(async () => (user = await state().login(CREDENTIALS)));
  assert.deepEqual(user, USER);
  assert.equal(text(), "Hello John");
  let isKnown;
  await act(async () => (isKnown = await state().logout()));
  assert.equal(isKnown, true);
  assert.equal(text(), "Sign in");
});

test("what another part of the program does shows as well", async (t) => {
  const { text, auth, routes } = await shown(t, { restore: () => tokenAnswer() });
  await act(() => auth.ready);
  routes["POST /api/refresh"] = () => tokenAnswer(accessToken({ age: -5 }), { user: JANE });
  await act(() => auth.refresh());
  assert.equal(text(), "Hello Jane");
  routes["POST /api/refresh"] = () => over();
  await act(() => auth.refresh().catch(() => {}));
  assert.equal(text(), "Sign in");
});

test("a new token of the same user renders nothing anew", async (t) => {
  const { auth, states, state } = await shown(t, {
    restore: () => tokenAnswer(),
    "GET /api/me": () => json({}, { headers: { "X-New-Token": accessToken({ age: -5 }) } }),
  });
  await act(() => auth.ready);
  const before = states.length;
  await act(() => state().fetch(`${BASE}/me`));
  assert.equal(auth.accessToken, accessToken({ age: -5 }));
  assert.equal(states.length, before);
});

test("the hook gives the auth itself and its fetch", async (t) => {
  const { auth, state, server } = await shown(t, { restore: () => tokenAnswer(), "GET /api/me": () => json({}) });
  await act(() => auth.ready);
  assert.equal(state().auth, auth);
  await act(() => state().fetch(`${BASE}/me`));
  assert.equal(server.sent("/api/me")[0].token, auth.accessToken);
});

test("useAuth outside a provider says what is missing", () => {
  const { Greeting } = makeApp();
  assert.throws(() => renderToString(h(Greeting)), /useAuth\(\).*<AuthProvider>/);
});

test("on a server it is loading and nobody is there, so that the page's first rendering agrees", async () => {
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => tokenAnswer() } });
  await auth.ready;
  const { app, state } = makeApp();
  assert.equal(renderToString(app(auth)), "…");
  assert.equal(state().loading, true);
  assert.equal(state().user, null);
});
