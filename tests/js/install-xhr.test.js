// A replaced XMLHttpRequest carries the access token and hides a refusal that a refresh can mend.

import assert from "node:assert/strict";
import { test } from "node:test";

import { installXMLHttpRequest } from "../../static/js/evergreen/index.js";
import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { accessToken, BASE, deferred, over, problem, tokenAnswer } from "./harness.js";
import { FRESH, ME, ONE_CALL, refusal, run, unrestored, xhrWorld } from "./xhr-world.js";

const fine = () => ({ body: '{"ok":true}' });
/** What a request without an answer tells its caller. */
const NETWORK_ERROR = ["readystatechange 1", "loadstart", "readystatechange 4", "error", "loadend"];
/** An answer to a call without a token. */
const asked = { status: 401, headers: { "WWW-Authenticate": "Bearer" }, body: '{"code":"no_token"}' };

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

test("a second refusal is the caller's", async () => {
  const { scope, sent } = await xhrWorld({ answer: () => refusal });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.equal(xhr.status, 401);
  assert.deepEqual(listened, ONE_CALL);
  assert.equal(sent.length, 2);
});

test("when the session is over the caller sees the 401, with its body", async () => {
  const { scope, sent, auth, events } = await xhrWorld({ routes: { "POST /api/refresh": () => over() } });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  assert.equal(xhr.status, 401);
  assert.equal(xhr.responseText, refusal.body);
  assert.deepEqual(listened, ["readystatechange 1", "loadstart", "readystatechange 4", "load", "loadend"]);
  assert.equal(sent.length, 1);
  assert.equal(auth.user, null);
  assert.deepEqual(events, ["signedout ended"]);
});

test("a refresh that fails in passing is a network error to the caller, and signs nobody out", async () => {
  const routes = { "POST /api/refresh": () => problem(503, "unavailable") };
  const { scope, sent, auth, events } = await xhrWorld({ routes });
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.deepEqual(handled, listened);
  assert.deepEqual(
    [xhr.status, xhr.responseText, xhr.responseURL, xhr.getResponseHeader("WWW-Authenticate")],
    [0, "", "", null],
  );
  assert.equal(sent.length, 1);
  assert.notEqual(auth.user, null);
  assert.deepEqual(events, []);
});

test("while it is not known whether somebody is signed in, a 401 is a network error to the caller", async () => {
  const { scope, sent } = await unrestored({ answer: () => asked });
  const xhr = new scope.XMLHttpRequest();
  const { listened, handled } = await run(xhr);
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.deepEqual(handled, listened);
  assert.equal(xhr.status, 0);
  assert.equal(sent.length, 1);
});

test("after a refresh that failed in passing the call is over, and the object good for the next one", async () => {
  const routes = { "POST /api/refresh": () => problem(503, "unavailable") };
  const { scope, auth, now, routes: answers } = await xhrWorld({ routes });
  const xhr = new scope.XMLHttpRequest();
  const { listened } = await run(xhr);
  xhr.abort();
  assert.deepEqual(listened, NETWORK_ERROR);
  assert.throws(() => xhr.send(), { name: "InvalidStateError" });
  answers["POST /api/refresh"] = () => tokenAnswer(FRESH);
  now.forward(5);
  await auth.refresh();
  await run(xhr);
  assert.equal(xhr.status, 200);
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

for (const breaks of ["error", "timeout"]) {
  test(`a refusal that breaks off with "${breaks}" is that to the caller, once`, async () => {
    const { scope } = await xhrWorld({ answer: () => ({ ...refusal, breaks }) });
    const { listened } = await run(new scope.XMLHttpRequest());
    await calm();
    assert.deepEqual(
      listened.filter((type) => !type.startsWith("readystatechange")),
      ["loadstart", breaks, "loadend"],
    );
  });
}

test("a broken connection is the caller's", async () => {
  const { scope } = await xhrWorld({ answer: () => new Error("down") });
  const { listened } = await run(new scope.XMLHttpRequest());
  assert.deepEqual(listened, NETWORK_ERROR);
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
