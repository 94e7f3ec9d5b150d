// The pure parts of the page scripts: words for instants, a token's life, and the fetch that watches the traffic.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bothTimes, relativeTime } from "../../static/js/pages/relative-time.js";
import { damaged, readClaims, shortId } from "../../static/js/pages/token-claims.js";
import { clockText, lifeOf, lifeText } from "../../static/js/pages/token-life.js";
import { watchTraffic } from "../../static/js/pages/token-traffic.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

for (const [offset, words] of /** @type {[number, string][]} */ ([
  [0, "just now"],
  [-59_999, "just now"],
  [-MINUTE, "1 minute ago"],
  [-(59 * MINUTE + 59_000), "59 minutes ago"],
  [-HOUR, "1 hour ago"],
  [-47 * HOUR, "1 day ago"],
  [30 * DAY - 1000, "in 30 days"],
  [26.9 * DAY, "in 26 days"],
  [-400 * DAY, "1 year ago"],
])) {
  test(`an instant ${offset} ms away is "${words}"`, () => {
    assert.equal(relativeTime(1e12 + offset, 1e12), words);
  });
}

test("an instant is told by the reader's clock and by how far away it is, its year only if that is another", () => {
  const at = new Date(2026, 10, 30, 22, 58).getTime();
  assert.equal(bothTimes(at, at + 2 * HOUR, "en-GB"), "30 Nov, 22:58, 2\u00a0hours\u00a0ago");
  assert.equal(bothTimes(at, at + 40 * DAY, "en-GB"), "30 Nov 2026, 22:58, 1\u00a0month\u00a0ago");
});

const token = { expiresAt: 1000 * HOUR, lifeMs: 24 * HOUR, thresholdMs: 2 * HOUR };

test("a token is fresh until the threshold, then in its window, then expired", () => {
  assert.equal(lifeOf(token, 998 * HOUR).phase, "fresh");
  assert.equal(lifeOf(token, 998 * HOUR + 1).phase, "window");
  assert.equal(lifeOf(token, 1000 * HOUR).phase, "expired");
});

test("the life line shows how much is over and where the window begins, in percent", () => {
  const life = lifeOf(token, 988 * HOUR);
  assert.equal(life.now, 50);
  assert.equal(Math.round(life.threshold), 92);
  assert.match(lifeText(life), /50 % .* before the renewal window, which is its last 8 %/);
  assert.match(lifeText(lifeOf(token, 999 * HOUR)), /inside the renewal window/);
  assert.match(lifeText(lifeOf(token, 1001 * HOUR)), /has expired/);
});

test("a token without a life counts as over instead of dividing by zero", () => {
  assert.equal(lifeOf({ ...token, lifeMs: 0 }, 0).now, 100);
});

test("the countdown rounds up, so that zero means over", () => {
  assert.equal(clockText(24 * HOUR), "24:00:00");
  assert.equal(clockText(1), "00:00:01");
  assert.equal(clockText(0), "00:00:00");
});

test("claims are read with any characters in them, and junk has none", () => {
  const claims = { iat: 1, exp: 2, sid: "ä" };
  const text = `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;
  assert.deepEqual(readClaims(text), claims);
  for (const junk of [null, undefined, "", "a.b.c", `x.${Buffer.from("{}").toString("base64url")}.y`]) {
    assert.equal(readClaims(junk), null);
  }
  assert.equal(shortId("0123456789abcdef"), "0123…cdef");
  assert.equal(shortId("short"), "short");
});

test("a damaged token differs in the first character of its signature alone", () => {
  assert.equal(damaged("h.p.Axyz"), "h.p.Bxyz");
  assert.equal(damaged("h.p.zxyz"), "h.p.Axyz");
});

/** @param {(request: Request) => Response} answer */
function watched(answer) {
  /** @type {import("../../static/js/pages/token-traffic.js").Exchange[]} */
  const exchanges = [];
  /** @type {(string | null)[]} */
  const sent = [];
  const traffic = watchTraffic({
    fetch: async (request) => {
      sent.push(/** @type {Request} */ (request).headers.get("Authorization"));
      return answer(/** @type {Request} */ (request));
    },
    onExchange: (exchange) => exchanges.push(exchange),
  });
  /** @param {string} path @param {string} bearer */
  const call = (path, bearer) =>
    traffic.fetch(`http://api.test${path}`, { headers: { Authorization: `Bearer ${bearer}` } });
  return { traffic, exchanges, sent, call };
}

test("an armed watcher damages the token of the next call, once, and never one about tokens", async () => {
  const { traffic, sent, call } = watched(() => new Response());
  traffic.isArmed = true;
  await call("/api/refresh", "h.p.sig");
  await call("/api/me?x=1", "h.p.sig");
  await call("/api/me", "h.p.sig");
  assert.deepEqual(sent, ["Bearer h.p.sig", "Bearer h.p.Aig", "Bearer h.p.sig"]);
  assert.equal(traffic.isArmed, false);
});

test("a 401 is healed when the same call succeeds with another token, not with the same one", async () => {
  const { exchanges, call } = watched((request) =>
    new Response(null, { status: request.headers.get("Authorization") === "Bearer a.b.new" ? 200 : 401 }),
  );
  await call("/api/me", "a.b.old");
  await call("/api/products", "a.b.new");
  await call("/api/me", "a.b.new");
  assert.deepEqual(exchanges.map(({ status, isHealed }) => [status, isHealed]), [[401, false], [200, false], [200, true]]);
});

test("an answer that never comes is told as such, and the error reaches the caller", async () => {
  const { exchanges, call } = watched(() => {
    throw new TypeError("network");
  });
  await assert.rejects(call("/api/me", "a.b.c"), TypeError);
  assert.equal(exchanges[0]?.status, null);
});

test("X-New-Token is noticed", async () => {
  const { exchanges, call } = watched(() => new Response(null, { headers: { "X-New-Token": "n" } }));
  await call("/api/me", "a.b.c");
  assert.equal(exchanges[0]?.hasNewToken, true);
});
