// What attachAxios leaves as it is: calls elsewhere, a call's address, a caller's own token, and all after undo.

import assert from "node:assert/strict";
import { test } from "node:test";

import axiosModule from "axios";

import { attachAxios } from "../../static/js/evergreen/index.js";
import { axiosWorld } from "./axios-world.js";
import { fakePage } from "./fake-page.js";
import { accessToken, REFUSED, signedIn, tokenAnswer } from "./harness.js";
import { startApi } from "./http-api.js";

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

test("two instances on one auth share a refresh", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  const second = axiosModule.create({ baseURL: api.baseURL });
  attachAxios(auth, second);
  api.expire();
  const answers = await Promise.all([axios.get("/me"), second.get("/me"), auth.fetch(`${api.baseURL}/me`)]);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(api.sent("/api/refresh").length, 1);
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
