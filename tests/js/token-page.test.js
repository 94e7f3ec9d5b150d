// The page script of the live token page: what it says of a session that it cannot restore.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeTime } from "./fake-time.js";
import { over, problem, unreachable } from "./harness.js";
import { visit } from "./page.js";

const PARTS = ["alert", "lifeline", "phase", "phase-hint", "countdown", "issued", "renewed-from", "expires", "log"];
const PAGE = `<div data-live data-refresh-enabled="true" data-base-url="/api" data-threshold="7200">
    ${PARTS.map((name) => `<div data-part="${name}"></div>`).join("")}
    <button data-action="refresh" disabled></button>
  </div>`;

function open(t, answer, globals = {}) {
  fakeTime(t);
  return visit(t, "tokens", PAGE, {
    routes: { "POST /api/refresh": answer },
    // Node's own would keep the test from ending.
    globals: { BroadcastChannel: undefined, setInterval: () => {}, ...globals },
  });
}

async function tokenPage(t, answer) {
  const { said, find } = await open(t, answer);
  return { phase: said("[data-part=phase]"), alert: said("[data-part=alert]"), canRefresh: !find("button").disabled };
}

for (const [what, answer] of [
  ["no network", unreachable],
  ["a portal's page", () => new Response("<h1>Welcome to the hotel</h1>")],
  ["a 400", () => problem(400, "bad_request")],
  ["a proxy that asks for a password", () => problem(401, "proxy", { "WWW-Authenticate": 'Basic realm="proxy"' })],
  ["a 404 that is not the API's", () => new Response("<h1>Not Found</h1>", { status: 404 })],
  ["a 403 of a firewall", () => new Response("", { status: 403 })],
  ["a 408", () => new Response("", { status: 408 })],
  ["a 429", () => problem(429, "too_many_requests", { "Retry-After": "10" })],
  ["a 503", () => problem(503, "unavailable")],
]) {
  test(`a restore that meets ${what} signs nobody out: it can be tried again`, async (t) => {
    assert.deepEqual(await tokenPage(t, answer), { phase: "No answer", alert: "", canRefresh: true });
  });
}

for (const [what, answer] of [
  ["the session is over", () => over()],
  ["nothing refreshes", () => problem(404, "not_found")],
]) {
  test(`a restore that learns that ${what} leads to the sign-in`, async (t) => {
    const { phase, alert, canRefresh } = await tokenPage(t, answer);
    assert.deepEqual([phase, canRefresh], ["Signed out", false]);
    assert.match(alert, /^You are signed out.*Sign in again$/);
  });
}

test("a browser in which the client does not work is told so, and nothing is tried in vain", async (t) => {
  const { said, find, server } = await open(t, () => over(), { AbortSignal: class {} });
  assert.equal(said("[data-part=phase-hint]"), "This needs a newer browser; everything else works in this one.");
  assert.deepEqual([find("button").disabled, server.calls.length], [true, 0]);
});
