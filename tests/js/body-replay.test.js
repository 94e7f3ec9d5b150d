// Bodies are sent a second time: over a real connection, with Node's own fetch.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { createAuth } from "../../static/js/evergreen/index.js";
import { accessToken, CREDENTIALS, REFUSED, USER } from "./harness.js";

const tokens = [accessToken(), accessToken({ age: -100 })];
const received = [];
let server;
let auth;
let url;

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const isLogin = request.url === "/api/login";
  if (isLogin || request.url === "/api/refresh") {
    response.end(
      JSON.stringify({ access_token: tokens[isLogin ? 0 : 1], refresh_token: "r", expires_in: 60, user: USER }),
    );
    return;
  }
  received.push({ type: request.headers["content-type"], body: Buffer.concat(chunks) });
  const isGood = request.headers.authorization === `Bearer ${tokens[1]}`;
  response.writeHead(isGood ? 200 : 401, isGood ? {} : REFUSED).end("{}");
}

before(async () => {
  server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/api/upload`;
});
after(() => server.close().closeAllConnections());
beforeEach(async () => {
  received.length = 0;
  auth = createAuth({ baseURL: url.replace("/upload", ""), transport: "body" });
  await auth.login(CREDENTIALS);
});

const form = () => {
  const data = new FormData();
  data.set("name", "Žoë");
  data.set("file", new Blob([new Uint8Array(200_000).fill(7)]), "photo.png");
  return data;
};
const stream = () => new Blob(["one", "two"]).stream();

/** What is sent, as a function of the address, and what must arrive in it. */
const cases = {
  "JSON text": [
    () => [url, { body: JSON.stringify({ a: 1 }), headers: { "Content-Type": "application/json" } }],
    '{"a":1}',
  ],
  FormData: [() => [url, { body: form() }], "photo.png"],
  "a Blob": [() => [url, { body: new Blob(["blob"], { type: "image/png" }) }], "blob"],
  "form fields": [() => [url, { body: new URLSearchParams({ q: "1" }) }], "q=1"],
  bytes: [() => [url, { body: new TextEncoder().encode("bytes") }], "bytes"],
  "a Request": [() => [new Request(url, { method: "POST", body: form() })], "photo.png"],
  "a Request with a stream": [() => [new Request(url, { method: "POST", body: stream(), duplex: "half" })], "onetwo"],
  "no body": [() => [new URL(url)], ""],
};
for (const [what, [args, part]] of Object.entries(cases)) {
  test(`${what} arrives whole the second time, too`, async () => {
    const [input, init] = args();
    assert.equal((await auth.fetch(input, { method: "POST", ...init })).status, 200);
    const [first, second] = received;
    assert.equal(received.length, 2);
    assert.ok(second.body.includes(part));
    assert.equal(second.type, first.type);
    assert.deepEqual(second.body, first.body);
  });
}

test("a stream goes out once: a refused one is refreshed for, and the caller told to bring another", async () => {
  const send = () => auth.fetch(url, { method: "POST", body: stream(), duplex: "half" });
  await assert.rejects(send(), { name: "TransientError", message: /stream/i });
  assert.equal((await send()).status, 200);
  assert.deepEqual(
    received.map(({ body }) => String(body)),
    ["onetwo", "onetwo"],
  );
});

test("a body changed by the caller after the call is sent as it was", async () => {
  const data = new URLSearchParams({ q: "1" });
  const call = auth.fetch(url, { method: "POST", body: data });
  data.set("q", "2");
  await call;
  assert.deepEqual(
    received.map(({ body }) => String(body)),
    ["q=1", "q=1"],
  );
});

test("a Request that was used already is refused, as with fetch", async () => {
  const request = new Request(url, { method: "POST", body: "x" });
  await request.text();
  await assert.rejects(auth.fetch(request), TypeError);
});
