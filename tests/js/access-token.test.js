import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeAccessToken, isSuccessor } from "../../static/js/evergreen/access-token.js";
import { accessToken } from "./harness.js";

const encode = (text) => Buffer.from(text).toString("base64url");
const decoded = (options) => decodeAccessToken(accessToken(options));

test("an access token is read for its session and its times", () => {
  const text = accessToken({ sid: "abc", lifetime: 60 });
  assert.deepEqual(decodeAccessToken(text), { text, sid: "abc", iat: 1_000_000, exp: 1_000_060 });
});

test("base64url without padding and names outside ASCII are read", () => {
  assert.equal(decoded({ sid: "s", name: "Žoë ÿ>>>???" })?.sid, "s");
});

const time = { iat: 1, exp: 2 };
const garbage = {
  "no text": 17,
  nothing: null,
  "an empty text": "",
  "one part": "abc",
  "a payload that is not base64": "e30.%%%.c2ln",
  "a payload that is not JSON": `e30.${encode("{sid")}.c2ln`,
  "a payload that is null": `e30.${encode("null")}.c2ln`,
  "no sid": `e30.${encode(JSON.stringify(time))}.c2ln`,
  "no iat": `e30.${encode(JSON.stringify({ sid: "s", exp: 2 }))}.c2ln`,
  "an end before the beginning": `e30.${encode(JSON.stringify({ sid: "s", iat: 2, exp: 2 }))}.c2ln`,
};
for (const [what, text] of Object.entries(garbage)) {
  test(`${what} is no access token`, () => assert.equal(decodeAccessToken(text), null));
}

test("a token with a later end succeeds one of the same session", () => {
  assert.equal(isSuccessor(decoded({ age: -1 }), decoded()), true);
});

test("a token that ends later is a successor; one with the same end has nothing to give", () => {
  const current = decoded({ lifetime: 100 });
  assert.equal(isSuccessor(decoded({ lifetime: 101 }), current), true);
  assert.equal(isSuccessor(decoded({ age: -1, lifetime: 99 }), current), false);
});

test("neither the same nor an older token is a successor", () => {
  assert.equal(isSuccessor(decoded(), decoded()), false);
  assert.equal(isSuccessor(decoded({ age: 1 }), decoded()), false);
});

test("a newer token of another session is no successor", () => {
  assert.equal(isSuccessor(decoded({ sid: "s2", age: -1 }), decoded()), false);
});
