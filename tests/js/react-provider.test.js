// The provider in a real React: which auth is whose, when it comes, and what stays when it goes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { renderToString } from "react-dom/server";

import { accessToken, BASE, CREDENTIALS, deferred, fakeServer, makeAuth, over, tokenAnswer, USER } from "./harness.js";
import { act, h, JANE, makeApp, show, shown } from "./react-world.js";

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
