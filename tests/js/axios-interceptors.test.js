// Other interceptors of an instance that attachAxios has as well: what was added before ours, and what after.

import assert from "node:assert/strict";
import { test } from "node:test";

import { axiosWorld } from "./axios-world.js";
import { accessToken, REFUSED } from "./harness.js";
import { startApi } from "./http-api.js";

/** An axios to which somebody else adds interceptors, by `add(instance)`, before ours or after. */
async function shared(t, place, add, config) {
  const world = await axiosWorld(t, config, place === "before" ? add : undefined);
  if (place === "after") add(world.axios);
  return world;
}

/** One whose calls `change` alters after ours has seen them: of a request the first added is the last asked. */
function altered(t, change, config) {
  const add = ({ interceptors }) =>
    interceptors.request.use((settings) => {
      change(settings);
      return settings;
    });
  return shared(t, "before", add, config);
}

for (const adapter of ["http", "fetch"]) {
  test(`${adapter}: a call that an interceptor leads elsewhere has no token, and its answer is its own`, async (t) => {
    const other = await startApi(t);
    other.state.answers["/me"] = (request, response, { reply }) =>
      reply(response, 401, {}, { "X-New-Token": accessToken({ age: -900 }), ...REFUSED });
    const { axios, auth } = await altered(t, (config) => (config.baseURL = other.origin), { adapter });
    const { accessToken: token } = auth;
    await assert.rejects(axios.get("/me"), { name: "AxiosError", status: 401 });
    assert.deepEqual(
      other.calls.map(({ authorization }) => authorization),
      [null],
    );
    assert.equal(auth.accessToken, token);
  });
}

for (const [what, own] of [
  ["no token", undefined],
  ["the interceptor's own", "Basic abc"],
]) {
  test(`a call whose base an interceptor takes away is the page's, and carries ${what}`, async (t) => {
    const seen = [];
    const adapter = async (config) => {
      seen.push(config.headers.get("Authorization"));
      return { status: 200, headers: {}, config };
    };
    const takeAway = (config) => {
      delete config.baseURL;
      if (own) config.headers.set("Authorization", own);
    };
    const { axios } = await altered(t, takeAway, { adapter });
    await axios.get("/me");
    assert.deepEqual(seen, [own]);
  });
}

for (const place of ["before", "after"]) {
  /** One whose answers are only their data, as many programs have it. */
  const unwrapping = (t) => shared(t, place, ({ interceptors }) => interceptors.response.use(({ data }) => data));

  test(`what an interceptor added ${place} ours makes of answers is the outcome of a refused call, too`, async (t) => {
    const { api, axios } = await unwrapping(t);
    api.expire();
    assert.deepEqual(await axios.get("/me"), { echo: "", method: "GET" });
  });

  test(`an interceptor added ${place} ours may make nothing of an answer`, async (t) => {
    const { api, axios } = await unwrapping(t);
    let tries = 0;
    api.state.answers["/api/things/1"] = (request, response, { refuse }) => {
      tries += 1;
      if (tries === 1) refuse(response);
      else response.writeHead(204).end();
    };
    assert.equal(await axios.delete("/things/1"), "");
    assert.equal(tries, 2);
  });
}

for (const [place, what, seen] of [
  ["before", "the 401", [401]],
  ["after", "nothing", []],
]) {
  test(`an interceptor of errors added ${place} ours sees ${what} of a refusal that is mended`, async (t) => {
    const statuses = [];
    const look = ({ interceptors }) =>
      interceptors.response.use(undefined, (error) => {
        statuses.push(error.response.status);
        throw error;
      });
    const { api, axios } = await shared(t, place, look);
    api.expire();
    assert.equal((await axios.get("/me")).status, 200);
    assert.deepEqual(statuses, seen);
  });
}

test("what an interceptor makes of the second answer is the outcome, nothing included", async (t) => {
  const add = ({ interceptors }) => interceptors.response.use((answer) => (answer.status === 200 ? undefined : answer));
  const { api, axios } = await shared(t, "before", add, { validateStatus: () => true });
  api.expire();
  assert.equal(await axios.get("/me"), undefined);
  assert.equal(api.sent("/api/me").length, 2);
});

test("another instance's interceptors are its own, and both run", async (t) => {
  const { axios, api } = await axiosWorld(t);
  const seen = [];
  axios.interceptors.request.use((config) => {
    config.headers.set("X-Trace", "1");
    return config;
  });
  axios.interceptors.response.use(
    (answer) => {
      seen.push(answer.status);
      return answer;
    },
    (error) => {
      seen.push(error.response?.status);
      throw error;
    },
  );
  await axios.get("/me");
  assert.deepEqual(seen, [200]);
  api.expire();
  await axios.get("/me");
  assert.ok(!seen.includes(401));
  assert.ok(api.sent("/api/me").every(({ headers }) => headers["x-trace"] === "1"));
});
