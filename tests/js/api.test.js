// What goes over the wire when a session is opened, renewed and ended.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SignInError, TransientError } from "../../static/js/evergreen/index.js";
import {
  accessToken,
  CREDENTIALS,
  fakeStorage,
  json,
  makeAuth,
  noContent,
  problem,
  signedIn,
  tokenAnswer,
  USER,
} from "./harness.js";

const only = (calls) => {
  assert.equal(calls.length, 1);
  return calls[0].request;
};

test("a sign-in sends what was given and the transport, as JSON", async () => {
  const { auth, server } = makeAuth({ routes: { "POST /api/login": () => tokenAnswer() } });
  const user = await auth.login({ ...CREDENTIALS, code: "123456", remember: false });
  const request = only(server.sent("/api/login"));
  assert.deepEqual(user, USER);
  assert.equal(request.headers.get("Content-Type"), "application/json");
  assert.deepEqual(await request.json(), { ...CREDENTIALS, code: "123456", remember: false, transport: "cookie" });
});

test("what was not given is not sent", async () => {
  const { auth, server } = makeAuth({ transport: "body", routes: { "POST /api/login": () => tokenAnswer() } });
  await auth.login(CREDENTIALS);
  assert.deepEqual(await only(server.sent("/api/login")).json(), { ...CREDENTIALS, transport: "body" });
});

for (const [transport, credentials] of [
  ["cookie", "include"],
  ["body", "omit"],
]) {
  test(`the ${transport} transport uses credentials "${credentials}" on all three calls`, async () => {
    const routes = { "POST /api/refresh": () => tokenAnswer(), "POST /api/logout": noContent };
    const { auth, server } = await signedIn({ transport, routes, answer: { refresh_token: "r1" } });
    await auth.refresh();
    await auth.logout();
    await auth.login(CREDENTIALS);
    assert.deepEqual(
      server.calls.map(({ path }) => path),
      ["/api/refresh", "/api/logout", "/api/login"],
    );
    for (const { request } of server.calls) assert.equal(request.credentials, credentials);
  });
}

test("a refresh by cookie is an empty POST without an access token", async () => {
  const { auth, server } = await signedIn({ routes: { "POST /api/refresh": () => tokenAnswer() } });
  await auth.refresh();
  const request = only(server.sent("/api/refresh"));
  assert.equal(await request.text(), "");
  assert.equal(request.headers.has("Content-Type"), false);
  assert.equal(request.headers.has("Authorization"), false);
});

test("a refresh by body sends the stored refresh token as JSON", async () => {
  const routes = { "POST /api/refresh": () => tokenAnswer() };
  const { auth, server } = await signedIn({ transport: "body", routes, answer: { refresh_token: "r1" } });
  await auth.refresh();
  const request = only(server.sent("/api/refresh"));
  assert.deepEqual(await request.json(), { refresh_token: "r1" });
  assert.equal(request.headers.has("Authorization"), false);
});

test("a sign-out sends the access token, though it has expired, and outlives the page", async () => {
  const { auth, server, now, token } = await signedIn({ routes: { "POST /api/logout": noContent } });
  now.forward(10 * 86_400);
  await auth.logout();
  const request = only(server.calls);
  assert.equal(request.headers.get("Authorization"), `Bearer ${token}`);
  assert.equal(request.keepalive, true);
  assert.equal(await request.text(), "");
});

test("a sign-out with an access token sends no refresh token beside it", async () => {
  const { auth, server } = await signedIn({
    transport: "body",
    routes: { "POST /api/logout": noContent },
    answer: { refresh_token: "r1" },
  });
  await auth.logout();
  assert.equal(await only(server.calls).text(), "");
});

test("a sign-out without an access token sends the stored refresh token", async () => {
  const storage = fakeStorage("r1");
  const { auth, server } = makeAuth({ transport: "body", storage, routes: { "POST /api/logout": noContent } });
  await auth.ready;
  await auth.logout();
  assert.deepEqual(await only(server.sent("/api/logout")).json(), { refresh_token: "r1" });
  assert.deepEqual(storage.values(), []);
});

test("a sign-out without any token is left to the cookie", async () => {
  const { auth, server } = makeAuth({ routes: { "POST /api/logout": noContent } });
  await auth.ready;
  await auth.logout();
  assert.equal(only(server.sent("/api/logout")).credentials, "include");
});

test("with the body transport and no token there is nothing to tell the server", async () => {
  const { auth, server } = makeAuth({ transport: "body" });
  await auth.logout();
  assert.deepEqual(server.calls, []);
});

test("a session that the server no longer knows counts as signed out", async () => {
  const { auth } = await signedIn({ routes: { "POST /api/logout": () => problem(401, "session_ended") } });
  await auth.logout();
});

test("a refused sign-in says why", async () => {
  const { auth, events } = makeAuth({ routes: { "POST /api/login": () => problem(401, "mfa_required") } });
  await assert.rejects(auth.login(CREDENTIALS), (error) => {
    assert.ok(error instanceof SignInError);
    assert.equal(error.name, "SignInError");
    assert.equal(error.status, 401);
    assert.equal(error.code, "mfa_required");
    assert.equal(error.message, "Refused: mfa_required.");
    assert.equal(error.problem.title, "Refused");
    assert.equal(error.retryAfter, undefined);
    return true;
  });
  assert.equal(auth.user, null);
  assert.deepEqual(events, []);
});

test("a throttled sign-in says how many seconds to wait", async () => {
  const routes = { "POST /api/login": () => problem(429, "too_many_requests", { "Retry-After": "17" }) };
  const { auth } = makeAuth({ routes });
  await assert.rejects(auth.login(CREDENTIALS), { name: "SignInError", status: 429, retryAfter: 17 });
});

for (const status of [500, 503]) {
  test(`a sign-in that the server answers by ${status} is no refusal, and what it says can be read`, async () => {
    const routes = { "POST /api/login": () => problem(status, "unavailable", { "Retry-After": "5" }) };
    const { auth, events } = makeAuth({ routes });
    await assert.rejects(auth.login(CREDENTIALS), {
      name: "TransientError",
      status,
      code: "unavailable",
      message: "Refused: unavailable.",
      retryAfter: 5,
    });
    assert.deepEqual(events, []);
  });
}

test("a refusal without problem+json still has its status", async () => {
  const routes = { "POST /api/login": () => new Response("<h1>Forbidden</h1>", { status: 403 }) };
  const { auth } = makeAuth({ routes });
  await assert.rejects(auth.login(CREDENTIALS), {
    name: "SignInError",
    status: 403,
    problem: null,
    code: undefined,
    message: "Status 403.",
  });
});

test("a sign-in that gets no answer is a passing failure with its cause", async () => {
  const { auth } = makeAuth();
  await assert.rejects(
    auth.login(CREDENTIALS),
    (error) => error instanceof TransientError && error.cause instanceof TypeError,
  );
});

const strange = {
  "a page of a captive portal": () => new Response("<h1>Welcome to the hotel</h1>"),
  "JSON null": () => json(null),
  "no access token": () => json({ expires_in: 60, user: USER }),
  "an access token that is no JWT": () => tokenAnswer("opaque"),
  "no lifetime": () => json({ access_token: accessToken(), user: USER }),
  "no user": () => json({ access_token: accessToken(), expires_in: 60 }),
};
for (const [what, answer] of Object.entries(strange)) {
  test(`${what} in a 200 answer is a passing failure, not a session`, async () => {
    const { auth } = makeAuth({ routes: { "POST /api/login": answer } });
    await assert.rejects(auth.login(CREDENTIALS), { name: "TransientError", status: 200 });
    assert.equal(auth.accessToken, null);
  });
}
