// X-New-Token: how long such a token is good for is told by the server's clock, not by the local one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lifetimeOf } from "../../static/js/evergreen/access-token.js";
import { accessToken, BASE, json, signedIn } from "./harness.js";

const ISSUED_AT = 1_000_000;
const HOUR = 3600;

/** A `Date` header, seconds after the other tokens were made. */
const dateAt = (seconds) => new Date((ISSUED_AT + seconds) * 1000).toUTCString();

/** Signed in, with a call that brought a token with two hours of life, made a minute after the first. */
async function brought(headers, token = accessToken({ age: -60, lifetime: 2 * HOUR })) {
  const routes = { "GET /api/me": () => json({}, { headers: { "X-New-Token": token, ...headers } }) };
  const world = await signedIn({ token: accessToken({ lifetime: HOUR }), answer: { expires_in: HOUR }, routes });
  await world.auth.fetch(`${BASE}/me`);
  assert.equal(world.auth.accessToken, token);
  return { ...world, left: () => (world.auth.expiresAt - world.now()) / 1000 };
}

test("a token that was made for this answer has its whole life before it", async () => {
  const { left } = await brought({ Date: dateAt(60) });
  assert.equal(left(), 2 * HOUR);
});

test("a token that was half over when it came has half of its life left", async () => {
  const { left } = await brought({ Date: dateAt(60 + HOUR) });
  assert.equal(left(), HOUR);
});

for (const [what, headers] of [
  ["without a Date", {}],
  ["with a Date that is none", { Date: "yesterday" }],
  ["with a Date after its end", { Date: dateAt(5 * HOUR) }],
]) {
  test(`${what} a token has the life that it was made with`, async () => {
    const { left } = await brought(headers);
    assert.equal(left(), 2 * HOUR);
  });
}

test("a token from the header is renewed in its own time", async () => {
  const { auth, now, server, routes } = await brought({ Date: dateAt(60 + HOUR) });
  routes["GET /api/me"] = () => json({});
  now.forward(HOUR - 61);
  await auth.fetch(`${BASE}/me`);
  assert.equal(server.sent("/api/refresh").length, 0);
  now.forward(2);
  await auth.fetch(`${BASE}/me`).catch(() => {});
  assert.equal(server.sent("/api/refresh").length, 1);
});

test("the local clock has no say in how much is left", () => {
  const token = { text: "", sid: "s1", iat: ISSUED_AT, exp: ISSUED_AT + HOUR };
  assert.equal(lifetimeOf(token, dateAt(HOUR - 1)), 1);
  assert.equal(lifetimeOf(token, dateAt(0)), HOUR);
  assert.equal(lifetimeOf(token, dateAt(HOUR)), HOUR);
  assert.equal(lifetimeOf(token, null), HOUR);
});
