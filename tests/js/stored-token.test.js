// What is stored of a sign-in: the refresh token of the body transport, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { accessToken, CREDENTIALS, fakeStorage, makeAuth, signedIn, tokenAnswer } from "./harness.js";

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
