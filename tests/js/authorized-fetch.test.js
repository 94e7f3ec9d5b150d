// Calls to the API carry the token, which goes to nobody else; all the rest is the caller's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, fresh, ME, newer, ok, tokensOf } from "./guarded-api.js";
import { accessToken, deferred, makeAuth, problem, refused, settle, signedIn, tokenAnswer } from "./harness.js";

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
