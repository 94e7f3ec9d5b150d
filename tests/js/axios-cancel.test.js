// A call of an axios with attachAxios is cancelled as with axios alone, by a signal or a cancelToken.

import assert from "node:assert/strict";
import { test } from "node:test";

import axiosModule from "axios";

import { axiosWorld } from "./axios-world.js";
import { deferred } from "./harness.js";

/** A promise that must not wait for an answer that does not come. */
function soon(promise) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(reject, 5000, new Error("It waits."));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const ways = {
  "a signal"() {
    const controller = new AbortController();
    return { config: { signal: controller.signal }, cancel: () => controller.abort() };
  },
  "a cancelToken"() {
    const { token, cancel } = axiosModule.CancelToken.source();
    return { config: { cancelToken: token }, cancel };
  },
};
for (const [way, makeCancel] of Object.entries(ways)) {
  test(`${way} cancels a call that waits for a token as axios does it, and it is never sent`, async (t) => {
    const { axios, api, auth } = await axiosWorld(t);
    const held = deferred();
    api.state.answers["/api/refresh"] = async (request, response, { reply }) => {
      await held.promise;
      reply(response, 503, {});
    };
    const begin = auth.begin;
    auth.begin = () => auth.refresh().then(begin, begin); // every call has to wait
    const { config, cancel } = makeCancel();
    const rejected = assert.rejects(axios.get("/me", config), { name: "CanceledError" });
    setImmediate(cancel);
    await soon(rejected);
    held.resolve();
    assert.equal(api.sent("/api/me").length, 0);
  });

  test(`${way} cancels a call while its token is renewed, and it neither waits nor is sent again`, async (t) => {
    const { axios, api } = await axiosWorld(t);
    const held = deferred();
    const asked = deferred();
    api.state.answers["/api/refresh"] = async (request, response, { reply }) => {
      asked.resolve();
      await held.promise;
      reply(response, 503, {});
    };
    api.expire();
    const { config, cancel } = makeCancel();
    const rejected = assert.rejects(axios.get("/me", config), { name: "CanceledError" });
    await asked.promise;
    cancel();
    await soon(rejected);
    held.resolve();
    assert.equal(api.sent("/api/me").length, 1);
  });
}

test("a call that could be cancelled, but is not, rejects as any other", async (t) => {
  const { axios, api } = await axiosWorld(t);
  const { signal } = new AbortController();
  api.expire();
  api.state.answers["/api/refresh"] = (request, response, { reply }) => reply(response, 503, {});
  await assert.rejects(axios.get("/me", { signal }), { name: "TransientError", status: 503 });
});
