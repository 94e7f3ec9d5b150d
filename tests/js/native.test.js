// React Native: the client on an engine without most of the web's standards, with the packages that stand in for them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { asyncStorage } from "../../static/js/evergreen/index.js";
import { accessToken, USER } from "./harness.js";
import { startApi } from "./http-api.js";
import { makeStore } from "./native-scenarios.js";

/** Run a scenario in a process of its own. */
async function runOn(engine, scenario, ...args) {
  const program = fileURLToPath(new URL(engine, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, scenario, ...args], { timeout: 20_000 });
  return JSON.parse(stdout);
}

const onPhone = (...scenario) => runOn("native-phone.js", ...scenario);
const onOlderEngine = (...scenario) => runOn("native-older.js", ...scenario);

/** One process for all of them. */
let standards;
const onBareEngine = () => (standards ??= onPhone("standards"));

for (const kind of ["AsyncStorage", "SecureStore"]) {
  test(`a whole life with ${kind}: sign in, call, be refused, go on, sign out`, async (t) => {
    const api = await startApi(t);
    api.state.answers["/api/expire"] = (request, response) => {
      api.expire();
      response.end();
    };
    const life = await onPhone("wholeLife", api.baseURL, kind);
    assert.deepEqual(life, {
      restored: null,
      user: USER,
      stored: ["r1"],
      answer: { echo: '{"a":1}', method: "POST" },
      secondAnswer: [200, { echo: '{"a":2}', method: "POST" }],
      rotated: ["r3"],
      isKnown: true,
      left: [],
      after: [null, null, null],
      refused: "SessionEndedError",
      events: ["token login", "signedin ", "token refresh", "signedout logout"],
    });
    const token = (age) => `Bearer ${accessToken({ age })}`;
    assert.deepEqual(
      api.calls.map(({ path, authorization }) => [path, authorization]),
      [
        ["/api/login", null],
        ["/api/things", token(-1)],
        ["/api/expire", null],
        ["/api/things", token(-1)],
        ["/api/refresh", null],
        ["/api/things", token(-3)],
        ["/api/logout", token(-3)],
      ],
    );
    assert.deepEqual(JSON.parse(api.sent("/api/refresh")[0].body), { refresh_token: "r1" });
    assert.equal(JSON.parse(api.sent("/api/login")[0].body).transport, "body");
  });

  test(`asyncStorage hands every operation to ${kind}, as its own method`, async () => {
    const { items, store } = makeStore(kind);
    const receivers = new Set();
    for (const [name, operation] of Object.entries(store)) {
      store[name] = function method(...args) {
        receivers.add(this);
        return operation(...args);
      };
    }
    const storage = asyncStorage(store);
    assert.equal(await storage.getItem("key"), null);
    await storage.setItem("key", "value");
    assert.equal(await storage.getItem("key"), "value");
    await storage.removeItem("key");
    assert.equal(items.size, 0);
    assert.deepEqual([...receivers], [store]);
  });
}

test("the next start of the app knows the user", async (t) => {
  const api = await startApi(t);
  assert.deepEqual(await onPhone("nextStart", api.baseURL, "SecureStore"), { user: USER, stored: ["r2"] });
});

test("without a network nothing is stored, and the failure is one in passing", async () => {
  // Nobody listens on the discard port.
  const outcome = await onPhone("offline", "http://127.0.0.1:9/api", "AsyncStorage");
  assert.deepEqual(outcome, { login: "TransientError", user: null, stored: [] });
});

for (const [where, run] of [
  ["on a phone", onPhone],
  ["on an older engine", onOlderEngine],
]) {
  test(`${where} a call can be taken back, and one sign-in takes the place of another`, async (t) => {
    const api = await startApi(t);
    api.state.answers["/api/slow"] = () => {};
    assert.deepEqual(await run("cancelled", api.baseURL), { first: "AbortError", call: "AbortError" });
  });
}

for (const [what, status, heard] of [
  ["the session is over", 401, "load 401"],
  ["the refresh failed in passing", 503, "error 0"],
]) {
  test(`on a phone who made an XMLHttpRequest hears of its refusal if ${what}`, async (t) => {
    const api = await startApi(t);
    api.state.answers["/api/expire"] = (request, response, { reply, refuse }) => {
      api.state.answers["/api/refresh"] = (_, answer) => (status === 401 ? refuse(answer) : reply(answer, status, {}));
      reply(response, 200, {});
    };
    assert.deepEqual(await onPhone("refusedRequest", api.baseURL), [heard]);
  });
}

for (const [where, run] of [
  ["on a phone", async () => (await onBareEngine()).events],
  ["on an older engine", () => onOlderEngine("events")],
]) {
  test(`${where} events reach functions and objects, once where asked for, and none that was taken away`, async () => {
    const { seen, isOriginal } = await run();
    assert.deepEqual(seen, ["once", "object a", "function 7 true", "function null true"]);
    assert.equal(isOriginal, true);
  });
}

test("one listener's mistake is reported, and does not keep the others from hearing", async () => {
  assert.deepEqual((await onBareEngine()).mistake, ["heard", true, "reported mistake"]);
});

for (const [where, run] of [
  ["on a phone", async () => (await onBareEngine()).signals],
  ["on an older engine", () => onOlderEngine("signals")],
]) {
  test(`${where} signals have reasons, throw them, time out and can be joined`, async () => {
    assert.deepEqual(await run(), {
      before: "nothing",
      plain: ["AbortError", "AbortError"],
      own: ["mine", "mine"],
      already: "mine",
      late: [false, true, "late", 1],
      timeout: [true, "TimeoutError"],
      none: false,
    });
  });
}

test("base64 is read, whatever its length and padding, and nothing else is taken for it", async () => {
  assert.deepEqual((await onBareEngine()).base64, { wrong: [], unknown: "InvalidCharacterError" });
});

test("an engine that has it all keeps what it has", async () => {
  const names = ["EventTarget", "Event", "CustomEvent", "AbortController", "AbortSignal", "atob"];
  const before = names.map((name) => globalThis[name]);
  const { any, timeout } = AbortSignal;
  const { abort } = AbortController.prototype;
  const { createAuth } = await import("../../static/js/evergreen/native.js");
  assert.deepEqual(
    names.map((name) => globalThis[name]),
    before,
  );
  assert.equal(AbortSignal.any, any);
  assert.equal(AbortSignal.timeout, timeout);
  assert.equal(AbortController.prototype.abort, abort);
  assert.equal(typeof createAuth, "function");
});
