// A caller's abort ends a call wherever it is: in a wait, or on its way for the first or second time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, fresh, ME } from "./guarded-api.js";
import { deferred, makeAuth, refused, settle, signedIn, tokenAnswer } from "./harness.js";

test("an abort ends the wait for a restore", async () => {
  const { auth } = makeAuth({ routes: { "POST /api/refresh": () => deferred().promise } });
  const controller = new AbortController();
  const call = auth.fetch(ME, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
});

test("an abort ends the first send", async () => {
  const { auth, server } = await signedIn({ routes: { ...api(), "GET /api/me": () => deferred().promise } });
  const controller = new AbortController();
  const call = auth.fetch(ME, { signal: controller.signal });
  await settle();
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  assert.equal(server.calls.length, 1);
});

test("an abort ends the wait for a refresh, which goes on for the others", async () => {
  const refresh = deferred();
  const { auth, server } = await signedIn({ routes: { ...api(), "POST /api/refresh": () => refresh.promise } });
  const controller = new AbortController();
  const calls = [auth.fetch(ME, { signal: controller.signal }), auth.fetch(new Request(ME))];
  await settle();
  controller.abort();
  await assert.rejects(calls[0], { name: "AbortError" });
  refresh.resolve(tokenAnswer(fresh));
  assert.equal((await calls[1]).status, 200);
  assert.equal(server.sent("/api/me").length, 3);
});

test("an abort ends the second send", async () => {
  const { auth, server, routes } = await signedIn({ routes: api() });
  routes["GET /api/me"] = ({ token }) => (token === fresh ? deferred().promise : refused());
  const controller = new AbortController();
  const call = auth.fetch(new Request(ME, { signal: controller.signal }));
  await settle();
  assert.equal(server.sent("/api/me").length, 2);
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
});
