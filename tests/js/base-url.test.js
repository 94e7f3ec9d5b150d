import assert from "node:assert/strict";
import { test } from "node:test";

import { resolveBase } from "../../static/js/evergreen/base-url.js";

const base = resolveBase("https://app.test/api");

const covered = [
  "https://app.test/api",
  "https://app.test/api/",
  "https://app.test/api?page=2",
  "https://app.test/api/products#top",
  "https://app.test:443/api/me",
  "HTTPS://APP.test/api/me",
  "https://app.test/other/../api/me",
];
for (const url of covered) {
  test(`${url} is under the base`, () => assert.equal(base.covers(url), true));
}

const foreign = [
  "https://app.test/",
  "https://app.test/apiary",
  "https://app.test/api.json",
  "https://app.test/API/me",
  "https://app.test/api/../admin",
  "https://app.test/api/%2e%2E/admin",
  "https://app.test/api\\..\\admin",
  "https://app.test/v2/api/me",
  "http://app.test/api/me",
  "https://app.test:8443/api/me",
  "https://www.app.test/api/me",
  "https://app.test.evil.test/api/me",
  "https://app.test@evil.test/api/me",
  "//evil.test/api/me",
  "/api/me",
  "blob:https://app.test/api/me",
  "data:,https://app.test/api",
  "https://",
  "",
];
for (const url of foreign) {
  test(`${url || "the empty address"} is not under the base`, () => assert.equal(base.covers(url), false));
}

/** As React Native has it: cut into its parts, and nothing resolved. */
class PlainURL {
  constructor(address) {
    [, this.origin, this.pathname] = /^(https:\/\/[^/]+)(\/[^?#]*)/.exec(address);
  }
}

for (const [path, isCovered] of [
  ["/api/..hidden/a..b", true],
  ["/api/me?path=/../other", true],
  ["/api/../other", false],
  ["/api/..", false],
  ["/api/%2E%2e/other", false],
  ["/api/.%2e/other", false],
  ["/api/..\\other", false],
  ["/api\\..\\other", false],
]) {
  test(`with a URL that resolves nothing, as on a phone, ${path} is ${isCovered ? "" : "not "}under the base`, (t) => {
    const { URL } = globalThis;
    globalThis.URL = PlainURL;
    t.after(() => (globalThis.URL = URL));
    assert.equal(base.covers(`https://app.test${path}`), isCovered);
  });
}

test("URL objects and Requests are looked at by their address", () => {
  assert.equal(base.covers(new URL("https://app.test/api/me")), true);
  assert.equal(base.covers(new Request("https://app.test/api/me")), true);
  assert.equal(base.covers(new Request("https://app.test/apiary")), false);
});

test("a Request of another class, as of a frame, is looked at by its address, too", (t) => {
  const { Request } = globalThis;
  const [own, foreign] = ["https://app.test/api/me", "https://evil.test/api/me"].map((url) => new Request(url));
  globalThis.document = { baseURI: "https://app.test/" };
  globalThis.Request = class extends Request {};
  t.after(() => {
    delete globalThis.document;
    globalThis.Request = Request;
  });
  assert.equal(base.covers(own), true);
  assert.equal(resolveBase("/").covers(foreign), false);
});

test("a slash at the end of the base makes no difference", () => {
  const same = resolveBase("https://app.test/api/");
  assert.equal(same.href, "https://app.test/api");
  assert.equal(same.covers("https://app.test/api"), true);
  assert.equal(same.covers("https://app.test/apiary"), false);
});

test("a base without a path covers its whole origin", () => {
  const origin = resolveBase("https://api.test");
  assert.equal(origin.href, "https://api.test");
  assert.equal(origin.covers("https://api.test/anything"), true);
  assert.equal(origin.covers("https://app.test/anything"), false);
});

test("a relative base belongs to the page, and so do relative addresses", (t) => {
  globalThis.document = { baseURI: "https://app.test/account/tokens" };
  t.after(() => delete globalThis.document);
  const relative = resolveBase("/api");
  assert.equal(relative.href, "https://app.test/api");
  assert.equal(relative.covers("/api/me"), true);
  assert.equal(relative.covers("../api/me"), true);
  assert.equal(relative.covers("api/me"), false);
});

test("a worker has an address of its own", (t) => {
  globalThis.location = { href: "https://app.test/worker.js" };
  t.after(() => delete globalThis.location);
  assert.equal(resolveBase("/api").href, "https://app.test/api");
});

test("a relative base without a page is an error", () => {
  assert.throws(() => resolveBase("/api"), TypeError);
});
