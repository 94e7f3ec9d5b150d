// What attachAxios leaves alone: other calls, other interceptors, cancellation, and everything after undo.

import assert from "node:assert/strict";
import { test } from "node:test";

import axiosModule from "axios";

import { attachAxios, createAuth } from "../../static/js/evergreen/index.js";
import { axiosWorld } from "./axios-world.js";
import { fakePage } from "./fake-page.js";
import { accessToken, deferred, REFUSED, signedIn, tokenAnswer } from "./harness.js";
import { startApi } from "./http-api.js";

/** A promise that must not wait for an answer that does not come. */
function soon(promise) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(reject, 5000, new Error("It waits."));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

test("calls elsewhere carry no token and are not repeated", async (t) => {
  const { axios, api } = await axiosWorld(t);
  api.state.answers["/other/me"] = (request, response, { refuse }) => refuse(response);
  await assert.rejects(axios.get(`${api.origin}/other/me`), { name: "AxiosError", status: 401 });
  assert.deepEqual(
    api.calls.map(({ path, authorization }) => [path, authorization]),
    [["/other/me", null]],
  );
});

test("a call under another origin's base carries no token", async (t) => {
  const { axios, api } = await axiosWorld(t);
  const other = await startApi(t);
  await axios.get("/open", { baseURL: `${other.origin}` });
  assert.equal(other.calls[0].authorization, null);
  assert.deepEqual(api.calls, []);
});

/** An instance in a page whose router leads it elsewhere during every refresh: before a call is sent, and once more. */
async function wandering(t, config) {
  let steps = 0;
  const refresh = () => {
    steps += 1;
    page.document.baseURI = `https://app.test/shop/${steps}/`;
    return tokenAnswer(accessToken({ age: -steps }));
  };
  const { auth, now } = await signedIn({ routes: { "POST /api/refresh": refresh } });
  const page = fakePage(t);
  now.forward(86_390);
  const sent = [];
  const adapter = async (settings) => {
    sent.push([axios.getUri(settings), settings.headers.get("Authorization")]);
    return { status: sent.length === 1 ? 401 : 200, headers: REFUSED, config: settings };
  };
  const axios = axiosModule.create({ adapter, ...config });
  attachAxios(auth, axios);
  return { axios, sent };
}

for (const [what, config, url, to] of [
  ["no base", {}, "api/me", "https://app.test/api/me"],
  ["a base that is relative to the page", { baseURL: "api" }, "me", "https://app.test/api/me"],
  ["such a base for every address", { baseURL: "api", allowAbsoluteUrls: false }, "me", "https://app.test/api/me"],
  ["a base from the root, which stays as it is", { baseURL: "/api" }, "me", "/api/me"],
  ["no base, and a path from the root", {}, "/api/me", "/api/me"],
]) {
  test(`both tries go where the call was meant to, though the page has moved on: ${what}`, async (t) => {
    const { axios, sent } = await wandering(t, config);
    await axios.get(url, { params: { page: 2 } });
    const tokens = [-1, -2].map((age) => `Bearer ${accessToken({ age })}`);
    assert.deepEqual(
      sent,
      tokens.map((token) => [`${to}?page=2`, token]),
    );
  });
}

/** An instance with an interceptor that was there before ours, and so runs after it. */
async function intercepted(t, intercept, config) {
  const api = await startApi(t);
  const auth = createAuth({ baseURL: api.baseURL, transport: "cookie", notes: null });
  await auth.ready;
  const axios = axiosModule.create({ baseURL: api.baseURL, ...config });
  axios.interceptors.request.use((settings) => {
    intercept(settings);
    return settings;
  });
  attachAxios(auth, axios);
  return { auth, axios };
}

for (const adapter of ["http", "fetch"]) {
  test(`${adapter}: a call that an interceptor leads elsewhere has no token, and its answer is its own`, async (t) => {
    const other = await startApi(t);
    other.state.answers["/me"] = (request, response, { reply }) =>
      reply(response, 401, {}, { "X-New-Token": accessToken({ age: -900 }), ...REFUSED });
    const { axios, auth } = await intercepted(t, (config) => (config.baseURL = other.origin), { adapter });
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
    const { axios } = await intercepted(t, takeAway, { adapter });
    await axios.get("/me");
    assert.deepEqual(seen, [own]);
  });
}

test("a caller's own Authorization stays: no token, no repeat, no adoption", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  const { accessToken: token } = auth;
  const headers = { authorization: "Basic abc" };
  await assert.rejects(axios.get("/me", { headers }), { name: "AxiosError", status: 401 });
  assert.deepEqual(
    api.calls.map(({ authorization }) => authorization),
    ["Basic abc"],
  );
  assert.equal(auth.accessToken, token);
});

test("other errors are the caller's, as with axios alone", async (t) => {
  const { axios, api } = await axiosWorld(t);
  api.state.answers["/api/me"] = (request, response, { reply }) => reply(response, 422, { code: "invalid" });
  await assert.rejects(axios.get("/me"), { name: "AxiosError", status: 422 });
  api.state.answers["/api/me"] = (request) => request.socket.destroy();
  await assert.rejects(axios.get("/me"), ({ isAxiosError, response }) => isAxiosError && !response);
  assert.equal(api.sent("/api/refresh").length, 0);
});

for (const place of ["before", "after"]) {
  /** An instance whose answers are only their data, as many programs have it. */
  async function unwrapping(t) {
    const api = await startApi(t);
    const auth = createAuth({ baseURL: api.baseURL, transport: "cookie", notes: null });
    await auth.ready;
    const axios = axiosModule.create({ baseURL: api.baseURL });
    const unwrap = () => axios.interceptors.response.use(({ data }) => data);
    if (place === "before") unwrap();
    attachAxios(auth, axios);
    if (place === "after") unwrap();
    return { api, axios };
  }

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
    const api = await startApi(t);
    const auth = createAuth({ baseURL: api.baseURL, transport: "cookie", notes: null });
    await auth.ready;
    const axios = axiosModule.create({ baseURL: api.baseURL });
    const statuses = [];
    const look = () =>
      axios.interceptors.response.use(undefined, (error) => {
        statuses.push(error.response.status);
        throw error;
      });
    if (place === "before") look();
    attachAxios(auth, axios);
    if (place === "after") look();
    api.expire();
    assert.equal((await axios.get("/me")).status, 200);
    assert.deepEqual(statuses, seen);
  });
}

test("what an interceptor makes of the second answer is the outcome, nothing included", async (t) => {
  const api = await startApi(t);
  const auth = createAuth({ baseURL: api.baseURL, transport: "cookie", notes: null });
  await auth.ready;
  const axios = axiosModule.create({ baseURL: api.baseURL, validateStatus: () => true });
  axios.interceptors.response.use((answer) => (answer.status === 200 ? undefined : answer));
  attachAxios(auth, axios);
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

test("two instances on one auth share a refresh", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  const second = axiosModule.create({ baseURL: api.baseURL });
  attachAxios(auth, second);
  api.expire();
  const answers = await Promise.all([axios.get("/me"), second.get("/me"), auth.fetch(`${api.baseURL}/me`)]);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(api.sent("/api/refresh").length, 1);
});

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

test("undo takes both interceptors away", async (t) => {
  const { axios, api, undo } = await axiosWorld(t);
  undo();
  await assert.rejects(axios.get("/me"), { name: "AxiosError", status: 401 });
  assert.deepEqual(
    api.calls.map(({ authorization }) => authorization),
    [null],
  );
});

test("after undo a call that is under way is finished as it was begun", async (t) => {
  const { axios, api, undo } = await axiosWorld(t);
  api.expire();
  const call = axios.get("/me");
  undo();
  assert.equal((await call).status, 200);
});
