// A program sends a call again by its settings, `error.config`: it goes out in the name of who is signed in by then.

import assert from "node:assert/strict";
import { test } from "node:test";

import { attachAxios, createAuth } from "../../static/js/evergreen/index.js";
import { axiosWorld } from "./axios-world.js";
import { CREDENTIALS } from "./harness.js";
import { startApi } from "./http-api.js";

const fail = (request, response, { reply }) => reply(response, 503, {});
const bearer = ({ accessToken: token }) => `Bearer ${token}`;
const failure = (call) =>
  call.then(
    () => assert.fail("The call went through."),
    (error) => error,
  );

/** A call that failed, and the server well again. */
async function failed(t, options) {
  const world = await axiosWorld(t, options);
  world.api.state.answers["/api/things"] = fail;
  const { config } = await failure(world.axios.post("/things", { a: 1 }));
  world.api.state.answers = {};
  world.api.calls.length = 0;
  return { ...world, config };
}

for (const adapter of ["http", "fetch"]) {
  test(`${adapter}: a call that is sent again carries the token of now, and its body`, async (t) => {
    const { axios, api, auth, config } = await failed(t, { adapter });
    await auth.refresh();
    const { data } = await axios.request(config);
    assert.deepEqual(data, { echo: '{"a":1}', method: "POST" });
    const sent = api.sent("/api/things");
    assert.deepEqual(
      sent.map(({ authorization }) => authorization),
      [bearer(auth)],
    );
  });
}

test("a call that is sent again goes out in the name of who has signed in since", async (t) => {
  const { axios, api, auth, config } = await failed(t);
  await auth.login({ ...CREDENTIALS, email: "somebody.else@example.com" });
  await axios.request(config);
  assert.equal(api.sent("/api/things")[0].authorization, bearer(auth));
});

test("a call that is sent again after a sign-out carries no token", async (t) => {
  const { axios, api, auth, config } = await failed(t);
  await auth.logout();
  await failure(axios.request(config));
  assert.equal(api.sent("/api/things")[0].authorization, null);
});

test("a call that is sent again after a new sign-in succeeds, where its session was over", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  api.expire();
  api.state.isOver = true;
  const { config } = await failure(axios.get("/me"));
  api.state.isOver = false;
  await auth.login(CREDENTIALS);
  assert.equal((await axios.request(config)).status, 200);
});

test("a call that is sent again is mended once more, if its new token is refused as well", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  api.expire();
  api.state.answers["/api/me"] = (request, response, { reply, refuse }) =>
    api.sent("/api/me").length > 1 ? reply(response, 503, {}) : refuse(response);
  const { config } = await failure(axios.get("/me"));
  api.state.answers = {};
  api.expire();
  assert.equal((await axios.request(config)).status, 200);
  assert.equal(api.calls.at(-1).authorization, bearer(auth));
});

test("a call that is sent again elsewhere leaves the token here", async (t) => {
  const { axios, api, config } = await failed(t);
  await axios.request({ ...config, baseURL: api.origin });
  assert.equal(api.sent("/things")[0].authorization, null);
});

test("a call that is sent again with an Authorization of the caller's own keeps that", async (t) => {
  const { axios, api, config } = await failed(t);
  config.headers.set("Authorization", "Basic abc");
  const { status } = await failure(axios.request(config));
  assert.equal(status, 401);
  assert.deepEqual(
    api.calls.map(({ authorization }) => authorization),
    ["Basic abc"],
  );
});

test("one instance for two APIs sends each its own token, at first and again", async (t) => {
  const { axios, api, auth } = await axiosWorld(t);
  const other = await startApi(t);
  const second = createAuth({ baseURL: other.baseURL, transport: "cookie", notes: null });
  await second.ready;
  attachAxios(second, axios);
  for (const [server, owner] of [
    [api, auth],
    [other, second],
  ]) {
    const { config } = await axios.get("/me", { baseURL: server.baseURL });
    await axios.request(config);
    const tokens = server.sent("/api/me").map(({ authorization }) => authorization);
    assert.deepEqual(tokens, [bearer(owner), bearer(owner)]);
  }
});
