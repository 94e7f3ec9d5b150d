import assert from "node:assert/strict";
import { test } from "node:test";

import { createAuth, installFetch } from "../../static/js/evergreen/index.js";
import { accessToken, BASE, CREDENTIALS, fakeServer, json, refused, tokenAnswer, USER } from "./harness.js";

const ME = `${BASE}/me`;
const fresh = accessToken({ age: -100 });

/** A window with a server behind its fetch. */
function page() {
  const server = fakeServer({
    "GET /api/me": ({ token }) => (token === fresh ? json(USER) : refused()),
    "GET /x": () => json({}),
    "POST /api/login": () => tokenAnswer(),
    "POST /api/refresh": () => tokenAnswer(fresh),
  });
  const scope = { fetch: server.fetch };
  return { server, scope, original: scope.fetch };
}

async function signedInPage() {
  const { server, scope, original } = page();
  const auth = createAuth({ baseURL: BASE, transport: "cookie", fetch: original });
  await auth.login(CREDENTIALS);
  server.calls.length = 0;
  return { server, scope, original, auth };
}

test("calls under the base go through auth.fetch", async () => {
  const { auth, scope, server } = await signedInPage();
  installFetch(auth, scope);
  assert.equal((await scope.fetch(ME)).status, 200);
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/api/me", "/api/refresh", "/api/me"],
  );
});

test("other calls go to the fetch that was there, with its own this", async () => {
  const { auth, scope, server } = await signedInPage();
  const seen = [];
  scope.fetch = function fetch(...args) {
    seen.push(this);
    return server.fetch(...args);
  };
  installFetch(auth, scope);
  const init = { headers: { "X-Mine": "1" } };
  await scope.fetch("https://other.test/x", init);
  assert.deepEqual(seen, [scope]);
  assert.equal(server.calls[0].init, init);
  assert.equal(server.calls[0].token, null);
});

test("undo brings the original back", async () => {
  const { auth, scope, original } = await signedInPage();
  installFetch(auth, scope)();
  assert.equal(scope.fetch, original);
});

test("undo leaves a fetch that somebody else has put there, and ours lets everything pass", async () => {
  const { auth, scope, server } = await signedInPage();
  const undo = installFetch(auth, scope);
  const ours = scope.fetch;
  const theirs = (...args) => ours(...args);
  scope.fetch = theirs;
  undo();
  assert.equal(scope.fetch, theirs);
  assert.equal((await scope.fetch(ME)).status, 401);
  assert.deepEqual(
    server.calls.map(({ token }) => token),
    [null],
  );
});

for (const [order, undoBoth] of [
  ["first in, first out", (a, b) => [a, b]],
  ["last in, first out", (a, b) => [b, a]],
]) {
  test(`installed twice it works once, and undone ${order} it is gone`, async () => {
    const { auth, scope, server } = await signedInPage();
    const undos = undoBoth(installFetch(auth, scope), installFetch(auth, scope));
    assert.equal((await scope.fetch(ME)).status, 200);
    assert.equal(server.calls.length, 3);
    undos[0]();
    assert.equal((await scope.fetch(ME)).status, 200);
    undos[1]();
    undos[1]();
    assert.equal((await scope.fetch(ME)).status, 401);
  });
}

test("an auth whose own fetch is the replaced one does not call itself", async () => {
  const { scope, server } = page();
  const auth = createAuth({ baseURL: BASE, transport: "cookie", fetch: (...args) => scope.fetch(...args) });
  installFetch(auth, scope);
  await auth.login(CREDENTIALS);
  await auth.refresh();
  assert.equal((await scope.fetch(ME)).status, 200);
  assert.equal((await auth.fetch(ME, { headers: { Authorization: `Bearer ${fresh}` } })).status, 200);
  assert.equal((await auth.fetch("https://other.test/x")).status, 200);
  assert.equal(server.sent("/api/login")[0].token, null);
  assert.equal(server.calls.length, 6);
});

test("two auths in one page keep to their own base", async () => {
  const { server, scope, auth } = await signedInPage();
  installFetch(auth, scope);
  const other = createAuth({ baseURL: "https://other.test/api", transport: "cookie", fetch: scope.fetch });
  await other.ready;
  installFetch(other, scope);
  await scope.fetch(ME);
  await scope.fetch("https://other.test/api/me");
  assert.deepEqual(
    server.calls.map(({ request, token }) => [new URL(request.url).host, token]),
    [
      ["other.test", null],
      ["app.test", accessToken()],
      ["app.test", null],
      ["app.test", fresh],
      ["other.test", fresh],
    ],
  );
});

test("the global fetch is replaced by default", async () => {
  const { auth, server } = await signedInPage();
  const { fetch } = globalThis;
  const undo = installFetch(auth);
  try {
    assert.equal((await globalThis.fetch(ME)).status, 200);
    assert.equal(server.calls.length, 3);
  } finally {
    undo();
  }
  assert.equal(globalThis.fetch, fetch);
});
