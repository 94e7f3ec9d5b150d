// A real React: the provider knows who is signed in, and components follow.

import assert from "node:assert/strict";
import { test } from "node:test";

import { renderToString } from "react-dom/server";

import { createAuthContext } from "../../static/js/evergreen/index.js";
import {
  accessToken,
  BASE,
  CREDENTIALS,
  deferred,
  fakeServer,
  json,
  makeAuth,
  over,
  tokenAnswer,
  USER,
} from "./harness.js";
import { act, h, React, show } from "./react-world.js";

const JANE = { ...USER, first_name: "Jane" };
const noContent = () => new Response(null, { status: 204 });

/** A context, and a component that shows what the hook gives. `state()` is that of the last rendering. */
function makeApp() {
  const { AuthProvider, useAuth } = createAuthContext(React);
  const states = [];
  function Greeting() {
    const state = useAuth();
    states.push(state);
    if (state.loading) return "…";
    return state.user ? `Hello ${state.user.first_name}` : "Sign in";
  }
  const app = (auth) => h(AuthProvider, { auth }, h(Greeting));
  return { AuthProvider, useAuth, Greeting, app, states, state: () => states.at(-1) };
}

/** Rendered at once, before anything is known; `restore` is what the server says to the restore. */
async function shown(t, { restore = () => over("no_token"), ...routes } = {}) {
  const world = makeAuth({ routes: { "POST /api/refresh": restore, ...routes }, notes: null });
  const app = makeApp();
  const page = await show(t, app.app(world.auth));
  return { ...world, ...app, ...page };
}

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

test("two contexts do not see each other", async () => {
  const first = makeApp();
  const second = makeApp();
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => over() } });
  await auth.ready;
  assert.throws(() => renderToString(h(first.AuthProvider, { auth }, h(second.Greeting))), /useAuth\(\)/);
});

test("a provider that is given another auth shows that one's user, loading first", async (t) => {
  const answer = deferred();
  const { text, auth, app, render } = await shown(t, { restore: () => tokenAnswer() });
  await act(() => auth.ready);
  const next = makeAuth({ routes: { "POST /api/refresh": () => answer.promise } });
  await render(app(next.auth));
  assert.equal(text(), "…");
  answer.resolve(tokenAnswer(accessToken({ sid: "s2" }), { user: JANE }));
  await act(() => next.auth.ready);
  assert.equal(text(), "Hello Jane");
});

test("a provider that is given another auth while it is loading signs in by that one", async (t) => {
  const { state, app, render } = await shown(t, { restore: () => deferred().promise });
  const never = () => deferred().promise;
  const next = makeAuth({ routes: { "POST /api/refresh": never, "POST /api/login": () => tokenAnswer() } });
  await render(app(next.auth));
  assert.equal(state().auth, next.auth);
  await act(() => state().login(CREDENTIALS));
  assert.deepEqual(next.auth.user, USER);
});

test("unmounting takes every listener away, and nothing is told to what is gone", async (t) => {
  const answer = deferred();
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => answer.promise } });
  const listening = new Map();
  const count = (type, by) => listening.set(type, (listening.get(type) ?? 0) + by);
  const { addEventListener, removeEventListener } = auth;
  auth.addEventListener = (type, ...more) => (count(type, 1), addEventListener.call(auth, type, ...more));
  auth.removeEventListener = (type, ...more) => (count(type, -1), removeEventListener.call(auth, type, ...more));
  const errors = t.mock.method(console, "error", () => {});
  const { app, states } = makeApp();
  const { unmount } = await show(t, app(auth));
  assert.ok([...listening.values()].some((number) => number > 0));
  await unmount();
  assert.deepEqual(new Set(listening.values()), new Set([0]));
  const before = states.length;
  answer.resolve(tokenAnswer());
  await auth.ready;
  await act(async () => {});
  assert.equal(states.length, before);
  assert.equal(errors.mock.callCount(), 0);
});

test("without an auth the provider makes one with the defaults, once", async (t) => {
  const answer = deferred();
  const server = fakeServer({ "POST /api/refresh": () => answer.promise });
  t.mock.method(globalThis, "fetch", server.fetch);
  const { AuthProvider, Greeting, state } = makeApp();
  const app = h(AuthProvider, null, h(Greeting));
  const first = await show(t, app);
  const { auth } = state();
  answer.resolve(tokenAnswer());
  await act(() => auth.ready);
  assert.equal(first.text(), "Hello John");
  await first.unmount();
  const second = await show(t, app);
  await act(() => auth.ready);
  assert.equal(second.text(), "Hello John");
  assert.equal(state().auth, auth);
  assert.deepEqual(
    server.calls.map(({ request }) => [request.url, request.credentials]),
    [[`${BASE}/refresh`, "include"]],
  );
});

test("on a server it is loading and nobody is there, so that the page's first rendering agrees", async () => {
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => tokenAnswer() } });
  await auth.ready;
  const { app, state } = makeApp();
  assert.equal(renderToString(app(auth)), "…");
  assert.equal(state().loading, true);
  assert.equal(state().user, null);
});
