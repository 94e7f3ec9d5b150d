// A real axios carries the access token, adopts X-New-Token, and does not show a refusal that a refresh can mend.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";

import { axiosWorld } from "./axios-world.js";
import { accessToken, deferred, REFUSED } from "./harness.js";

const bearer = ({ accessToken: token }) => `Bearer ${token}`;

for (const adapter of ["http", "fetch"]) {
  const world = (t, config) => axiosWorld(t, { adapter, ...config });

  test(`${adapter}: a call carries the access token`, async (t) => {
    const { axios, auth, api } = await world(t);
    const { data } = await axios.post("/products?page=2", { name: "Tea" }, { params: { per_page: 5 } });
    assert.deepEqual(data, { echo: '{"name":"Tea"}', method: "POST" });
    const [call] = api.calls;
    assert.equal(call.url, "/api/products?page=2&per_page=5");
    assert.equal(call.authorization, bearer(auth));
    assert.equal(api.calls.length, 1);
  });

  test(`${adapter}: X-New-Token is adopted`, async (t) => {
    const { axios, auth, api, events } = await world(t);
    api.state.newToken = accessToken({ age: -900 });
    await axios.get("/me");
    assert.equal(auth.accessToken, api.state.newToken);
    assert.deepEqual(events, ["token header"]);
  });

  test(`${adapter}: a refused token is refreshed and the call repeated, unseen`, async (t) => {
    const { axios, auth, api, events } = await world(t);
    const { accessToken: old } = auth;
    api.expire();
    const { status, data } = await axios.get("/me");
    assert.equal(status, 200);
    assert.deepEqual(data, { echo: "", method: "GET" });
    assert.deepEqual(
      api.calls.map(({ path, authorization }) => [path, authorization]),
      [
        ["/api/me", `Bearer ${old}`],
        ["/api/refresh", null],
        ["/api/me", bearer(auth)],
      ],
    );
    assert.deepEqual(events, ["token refresh"]);
  });

  const bodies = {
    "an object": [{ list: [1, 2], text: "ü" }, '{"list":[1,2],"text":"ü"}', "application/json"],
    "JSON text": ['{"a": 1}', '{"a": 1}', "application/json"],
    "a form": [new URLSearchParams({ a: "1", b: "x y" }), "a=1&b=x+y", "application/x-www-form-urlencoded"],
    bytes: [new TextEncoder().encode("bytes"), "bytes", "application/octet-stream"],
    "no body": [undefined, "", ""],
  };
  for (const [what, [data, text, type]] of Object.entries(bodies)) {
    test(`${adapter}: the repeated call has ${what} as its body, like the first`, async (t) => {
      const { axios, api } = await world(t);
      api.expire();
      const headers = typeof data === "string" || ArrayBuffer.isView(data) ? { "Content-Type": type } : {};
      const answer = await axios.put("/things/1", data, { headers });
      assert.equal(answer.status, 200);
      const [first, second, ...more] = api.sent("/api/things/1");
      assert.deepEqual(more, []);
      assert.equal(first.body, text);
      assert.equal(second.body, first.body);
      assert.equal(second.method, "PUT");
      assert.ok((second.headers["content-type"] ?? "").startsWith(type));
      assert.equal(second.headers["content-type"], first.headers["content-type"]);
    });
  }

  test(`${adapter}: the program's own transforms run once for both tries`, async (t) => {
    const { axios, api } = await world(t, { transformRequest: [(data) => `<${data}>`] });
    api.expire();
    await axios.post("/things", "ü", { headers: { "Content-Type": "text/plain" } });
    assert.deepEqual(
      api.sent("/api/things").map(({ body }) => body),
      ["<ü>", "<ü>"],
    );
  });

  test(`${adapter}: the repeated call has the same fields and files of a FormData`, async (t) => {
    const { axios, api } = await world(t);
    api.expire();
    const form = new FormData();
    form.append("name", "Tea");
    form.append("file", new Blob(["leaves"], { type: "text/plain" }), "tea.txt");
    await axios.post("/upload", form);
    // Each has a boundary of its own.
    const parts = api.sent("/api/upload").map(({ body }) => body.replaceAll(/^--(\S+)\r\n/.exec(body)[1], "*"));
    assert.equal(parts.length, 2);
    assert.equal(parts[1], parts[0]);
    assert.match(parts[0], /name="name"\r\n\r\nTea\r\n/);
    assert.match(parts[0], /filename="tea\.txt"[^]*\r\n\r\nleaves\r\n/);
  });

  test(`${adapter}: twenty refused calls at once are one refresh and twenty successes`, async (t) => {
    const { axios, api } = await world(t);
    api.expire();
    const answers = await Promise.all(Array.from({ length: 20 }, () => axios.get("/me")));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(api.sent("/api/refresh").length, 1);
  });

  test(`${adapter}: a call whose validateStatus takes a 401 is repeated all the same`, async (t) => {
    const { axios, api } = await world(t, { validateStatus: () => true });
    api.expire();
    assert.equal((await axios.get("/me")).status, 200);
    assert.equal(api.sent("/api/me").length, 2);
  });

  test(`${adapter}: when the session is over the caller gets axios's own error with the 401`, async (t) => {
    const { axios, api, auth, events } = await world(t);
    api.expire();
    api.state.isOver = true;
    await assert.rejects(axios.get("/me"), (error) => {
      assert.equal(error.name, "AxiosError");
      assert.equal(error.response.status, 401);
      assert.equal(error.response.data.code, "invalid_token");
      return true;
    });
    assert.equal(auth.user, null);
    assert.deepEqual(events, ["signedout ended"]);
    assert.equal(api.sent("/api/me").length, 1);
  });

  test(`${adapter}: a refresh that fails in passing is a TransientError, and signs nobody out`, async (t) => {
    const { axios, api, auth, events } = await world(t);
    api.expire();
    api.state.answers["/api/refresh"] = (request, response, { reply }) => reply(response, 503, { code: "unavailable" });
    await assert.rejects(axios.get("/me"), { name: "TransientError", status: 503 });
    assert.notEqual(auth.user, null);
    assert.deepEqual(events, []);
  });

  test(`${adapter}: a call is repeated once at most`, async (t) => {
    const { axios, api } = await world(t);
    api.state.answers["/api/me"] = (request, response, { refuse }) => refuse(response);
    await assert.rejects(axios.get("/me"), { name: "AxiosError", status: 401 });
    assert.equal(api.sent("/api/me").length, 2);
  });

  const stream = () => (adapter === "fetch" ? new Blob(["once"]).stream() : Readable.from(["once"]));

  test(`${adapter}: a stream is not sent twice; that is said clearly`, async (t) => {
    const { axios, api } = await world(t, { maxRedirects: 0 });
    api.expire();
    await assert.rejects(axios.post("/upload", stream()), { name: "TransientError", message: /stream/i });
    assert.equal(api.sent("/api/upload").length, 1);
  });

  test(`${adapter}: a stream whose token is good goes through`, async (t) => {
    const { axios } = await world(t, { maxRedirects: 0 });
    const { data } = await axios.post("/upload", stream(), { headers: { "Content-Type": "text/plain" } });
    assert.equal(data.echo, "once");
  });
}

for (const adapter of ["http", "fetch"]) {
  const what = "the refused answer of a call that asks for a stream is closed, though nobody reads it";
  test(`${adapter}: ${what}`, { timeout: 5000 }, async (t) => {
    const { axios, api } = await axiosWorld(t, { adapter });
    const closed = deferred();
    let calls = 0;
    api.state.answers["/api/me"] = (request, response, { reply }) => {
      if ((calls += 1) > 1) return reply(response, 200, {});
      response.writeHead(401, REFUSED).write("It does not end.");
      response.on("close", closed.resolve);
    };
    assert.equal((await axios.get("/me", { responseType: "stream" })).status, 200);
    await closed.promise;
  });
}

// The "fetch" adapter does not tell where an answer came from.
test("a redirect elsewhere brings no token, and its 401 is no refusal", async (t) => {
  const { axios, api, auth } = await axiosWorld(t, { adapter: "http" });
  const { accessToken: token } = auth;
  api.state.answers["/api/away"] = (request, response) => response.writeHead(302, { Location: "/elsewhere" }).end();
  api.state.answers["/elsewhere"] = (request, response, { refuse }) => refuse(response);
  await assert.rejects(axios.get("/away"), { name: "AxiosError", status: 401 });
  assert.equal(auth.accessToken, token);
  assert.equal(api.sent("/api/refresh").length, 0);
});
