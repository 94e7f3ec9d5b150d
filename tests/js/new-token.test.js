// X-New-Token: a newer token of the same session is adopted, and nothing else is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, fresh, ME, newer, ok } from "./guarded-api.js";
import { accessToken, BASE, CREDENTIALS, deferred, refused, settle, signedIn, USER } from "./harness.js";

/** An answer as the browser gives it after a redirect. */
function redirected(answer, url) {
  return Object.defineProperties(answer, { redirected: { value: true }, url: { value: url } });
}

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
