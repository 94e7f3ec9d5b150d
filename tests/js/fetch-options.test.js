// What a caller says beside headers and body holds for every send, over a real connection with Node's own fetch: there
// a Request holds its signal weakly, and its clone has no dispatcher.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { createAuth } from "../../static/js/evergreen/index.js";
import { signedIn } from "./harness.js";
import { startApi } from "./http-api.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");

/** Collects garbage a few times: what is weakly held goes in the first, or in those after it. */
async function collect() {
  for (let round = 0; round < 5; round += 1) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** An auth that is signed in to an API which begins an answer at /api/endless, and does not answer at /api/silent. */
async function patient(t) {
  const api = await startApi(t);
  api.state.answers["/api/endless"] = (request, response) => response.writeHead(200).write("It does not end.");
  api.state.answers["/api/silent"] = () => {};
  const auth = createAuth({ baseURL: api.baseURL, transport: "body" });
  await auth.login({ email: "user@example.com", password: "correct horse" });
  return { api, auth };
}

for (const [what, headers] of [
  ["a call", {}],
  ["a call with an Authorization of its own", { Authorization: "Basic abc" }],
]) {
  test(`${what} that waits ends by its signal after a garbage collection`, { timeout: 5000 }, async (t) => {
    const { auth, api } = await patient(t);
    const controller = new AbortController();
    const call = auth.fetch(`${api.baseURL}/silent`, { headers, signal: controller.signal });
    await collect();
    controller.abort();
    await assert.rejects(call, { name: "AbortError" });
  });

  test(`${what} whose answer is read ends by its signal after a garbage collection`, { timeout: 5000 }, async (t) => {
    const { auth, api } = await patient(t);
    const controller = new AbortController();
    const answer = await auth.fetch(`${api.baseURL}/endless`, { headers, signal: controller.signal });
    await collect();
    controller.abort();
    await assert.rejects(answer.text(), { name: "AbortError" });
  });
}

test("both sends of a refused call go by the caller's dispatcher", async (t) => {
  const { auth, api } = await patient(t);
  const own = globalThis[Symbol.for("undici.globalDispatcher.1")];
  const paths = [];
  const dispatcher = {
    dispatch(options, handler) {
      paths.push(options.path);
      return own.dispatch(options, handler);
    },
  };
  api.expire();
  const answer = await auth.fetch(`${api.baseURL}/me`, { method: "POST", body: "{}", dispatcher });
  assert.equal(answer.status, 200);
  assert.deepEqual(paths, ["/api/me", "/api/me"]);
});

const NAMES = ["method", "mode", "credentials", "cache", "redirect", "referrer", "referrerPolicy", "integrity"];
/** What a request says of itself. */
const manner = (request) => [...NAMES, "keepalive", "duplex"].map((name) => `${name}: ${request[name]}`);

const ME = "https://app.test/api/me";
const FULL = {
  method: "PUT",
  mode: "same-origin",
  credentials: "omit",
  cache: "no-store",
  redirect: "manual",
  referrer: "about:client",
  referrerPolicy: "origin",
  integrity: "sha256-abc",
  keepalive: true,
};

for (const [what, init] of [
  ["nothing", undefined],
  ["an empty object", {}],
  ["headers only", { headers: { "X-Mine": "1" } }],
  ["a few", { cache: "no-cache", credentials: "include" }],
  ["a signal that is undefined", { signal: undefined }],
  ["a body", { method: "POST", body: "text" }],
]) {
  test(`a Request with all options, and beside it ${what}: the call is as fetch would make it`, async () => {
    const answer = () => new Response();
    const { auth, server } = await signedIn({ routes: { "PUT /api/me": answer, "POST /api/me": answer } });
    const input = () => new Request(ME, FULL);
    await auth.fetch(input(), init);
    const [{ request }] = server.calls;
    const plain = new Request(input(), init);
    assert.deepEqual(manner(request), manner(plain));
    assert.equal(request.headers.get("X-Mine"), plain.headers.get("X-Mine"));
    assert.equal(await request.text(), await plain.text());
  });
}

test("options that the caller changes after the call do not count", async () => {
  const { auth, server } = await signedIn({ routes: { "GET /api/me": () => new Response() } });
  const init = { cache: "no-cache" };
  const call = auth.fetch(ME, init);
  Object.assign(init, { method: "DELETE", cache: "reload" });
  await call;
  const [{ request }] = server.calls;
  assert.deepEqual([request.method, request.cache], ["GET", "no-cache"]);
});
