// A replaced XMLHttpRequest carries the access token and hides a refusal that a refresh can mend.

import assert from "node:assert/strict";
import { test } from "node:test";

import { installXMLHttpRequest } from "../../static/js/evergreen/index.js";
import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { accessToken, BASE, deferred, tokenAnswer } from "./harness.js";
import { asked, FRESH, ME, ONE_CALL, refusal, run, unrestored, xhrWorld } from "./xhr-world.js";

const fine = () => ({ body: '{"ok":true}' });

test("a call to the API carries the access token, and its events are those of any call", async () => {
  const { scope, token, tokens } = await xhrWorld({ answer: fine });
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(tokens(), [`Bearer ${token}`]);
  assert.deepEqual(listened, ONE_CALL);
  assert.deepEqual(handled, ONE_CALL);
  assert.equal(xhr.status, 200);
});

test("a refusal is hidden: the caller sees one set of events, and the second answer", async () => {
  const { scope, token, tokens, server } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(tokens(), [`Bearer ${token}`, `Bearer ${FRESH}`]);
  assert.deepEqual(listened, ONE_CALL);
  assert.deepEqual(handled, ONE_CALL);
  assert.equal(xhr.status, 200);
  assert.equal(xhr.responseText, '{"ok":true}');
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("the second try is like the first: method, address, headers, body, and the switches", async () => {
  const { scope, sent } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  const form = new FormData();
  await run(xhr, {
    method: "PUT",
    url: `${ME}?a=1`,
    headers: { "Content-Type": "text/x", "X-One": "1" },
    body: form,
    before() {
      xhr.setRequestHeader("X-One", "2");
      Object.assign(xhr, { responseType: "json", withCredentials: true, timeout: 5000 });
    },
  });
  const [first, second] = sent.map(({ headers: { authorization, ...headers }, ...more }) => ({ ...more, headers }));
  assert.equal(second.body, form);
  assert.deepEqual(second, first);
  assert.deepEqual(second.headers, { "content-type": "text/x", "x-one": "1, 2" });
  assert.equal(second.method, "PUT");
  assert.equal(second.url, `${ME}?a=1`);
  assert.equal(second.withCredentials, true);
  assert.equal(second.timeout, 5000);
  assert.deepEqual(xhr.response, { ok: true });
});

test("the second try goes where the first did, though a router has led the page elsewhere meanwhile", async (t) => {
  const refresh = () => {
    page.document.baseURI = "https://app.test/shop/5";
    return tokenAnswer(FRESH);
  };
  const { scope, sent } = await xhrWorld({ routes: { "POST /api/refresh": refresh } });
  const page = fakePage(t);
  const xhr = new scope.XMLHttpRequest();
  await run(xhr, { url: "api/me?a=1" });
  assert.deepEqual(
    sent.map(({ url }) => url),
    ["api/me?a=1", "https://app.test/api/me?a=1"],
  );
});

test("user and password of the address are kept", async () => {
  const { scope, sent } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  xhr.open("GET", ME, true, "user", "password");
  xhr.send();
  await calm();
  await calm();
  assert.deepEqual(
    sent.map(({ user, password }) => [user, password]),
    [
      ["user", "password"],
      ["user", "password"],
    ],
  );
});

test("a call that went out without a token is sent once more if there is one by the time it is refused", async () => {
  const first = deferred();
  const answers = [first.promise, fine()];
  const { scope, auth, routes, now, tokens } = await unrestored({ answer: () => answers.shift() });
  const xhr = new scope.XMLHttpRequest();
  const end = run(xhr);
  await calm();
  now.forward(5);
  routes["POST /api/refresh"] = () => tokenAnswer(FRESH);
  await auth.refresh();
  first.resolve(asked);
  const { listened } = await end;
  assert.deepEqual(tokens(), [undefined, `Bearer ${FRESH}`]);
  assert.deepEqual(listened, ONE_CALL);
  assert.equal(xhr.status, 200);
});

test("X-New-Token is adopted", async () => {
  const { scope, auth, events } = await xhrWorld({ answer: () => ({ headers: { "X-New-Token": FRESH } }) });
  await run(new scope.XMLHttpRequest());
  assert.equal(auth.accessToken, FRESH);
  assert.deepEqual(events, ["token header"]);
});

test("X-New-Token of the second answer is adopted, too", async () => {
  const newer = accessToken({ age: -900 });
  const answers = [refusal, { headers: { "X-New-Token": newer } }];
  const { scope, auth } = await xhrWorld({ answer: () => answers.shift() });
  await run(new scope.XMLHttpRequest());
  assert.equal(auth.accessToken, newer);
});

test("an answer from elsewhere, after a redirect, is neither a refusal nor a source of tokens", async () => {
  const away = { ...refusal, url: "https://other.test/", headers: { ...refusal.headers, "X-New-Token": FRESH } };
  const { scope, sent, auth, token } = await xhrWorld({ answer: () => away });
  const { listened } = await run(new scope.XMLHttpRequest());
  assert.equal(sent.length, 1);
  assert.equal(auth.accessToken, token);
  assert.deepEqual(listened, ONE_CALL);
});

test("twenty refused calls at once are one refresh and twenty successes", async () => {
  const { scope, server } = await xhrWorld();
  const calls = Array.from({ length: 20 }, () => new scope.XMLHttpRequest());
  await Promise.all(calls.map((xhr) => run(xhr)));
  assert.ok(calls.every(({ status }) => status === 200));
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("a token that is about to expire is renewed before the call", async () => {
  const { scope, now, tokens } = await xhrWorld();
  now.forward(86_390);
  const xhr = new scope.XMLHttpRequest();
  await run(xhr);
  assert.deepEqual(tokens(), [`Bearer ${FRESH}`]);
});

test("one object may be used for one call after another", async () => {
  const { scope, tokens, token } = await xhrWorld();
  const xhr = new scope.XMLHttpRequest();
  await run(xhr);
  await run(xhr, { url: `${BASE}/products` });
  assert.equal(xhr.status, 200);
  assert.deepEqual(tokens(), [`Bearer ${token}`, `Bearer ${FRESH}`, `Bearer ${FRESH}`]);
});

test("an on… handler may be replaced while the call is under way", async () => {
  const answer = deferred();
  const { scope } = await xhrWorld({ routes: { "POST /api/refresh": () => answer.promise } });
  const xhr = new scope.XMLHttpRequest();
  const seen = [];
  xhr.onload = () => seen.push("old");
  xhr.open("GET", ME);
  xhr.send();
  await calm();
  xhr.onload = () => seen.push("new");
  answer.resolve(tokenAnswer(FRESH));
  await calm();
  await calm();
  assert.deepEqual(seen, ["new"]);
});

test("it is the page's XMLHttpRequest by default, and undo brings that back", async (t) => {
  const { auth, Original } = await xhrWorld();
  const before = Object.getOwnPropertyDescriptor(globalThis, "XMLHttpRequest");
  globalThis.XMLHttpRequest = Original;
  t.after(() => {
    if (before) Object.defineProperty(globalThis, "XMLHttpRequest", before);
    else delete globalThis.XMLHttpRequest;
  });
  const undo = installXMLHttpRequest(auth);
  assert.notEqual(globalThis.XMLHttpRequest, Original);
  assert.ok(new globalThis.XMLHttpRequest() instanceof Original);
  undo();
  assert.equal(globalThis.XMLHttpRequest, Original);
});
