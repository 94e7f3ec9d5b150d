// Somebody who is signed in, in a time of their own, and whose token every refresh makes new.

import { fakePage } from "./fake-page.js";
import { fakeTime } from "./fake-time.js";
import { accessToken, json, makeAuth, tokenAnswer } from "./harness.js";

/**
 * Signed in by a cookie, in a time of its own and alone in the browser; every refresh brings a newer token that is good
 * for `expiresIn` seconds. The calls and events up to then are forgotten.
 */
export async function renewing(t, { expiresIn, routes = {}, ...options }) {
  const time = fakeTime(t);
  let age = 0;
  const renewed = () => tokenAnswer(accessToken({ age: (age -= 1) }), { expires_in: expiresIn });
  const world = makeAuth({
    routes: { "POST /api/refresh": renewed, "POST /api/login": renewed, "GET /api/me": () => json({}), ...routes },
    now: time.now,
    locks: null,
    BroadcastChannel: null,
    notes: null,
    ...options,
  });
  await time.until(world.auth.ready);
  world.server.calls.length = world.events.length = time.delays.length = 0;
  return { ...world, time, renewed, refreshes: () => world.server.sent("/api/refresh").length };
}

/** The same with a token of an hour. */
export const inTime = (t, options) => renewing(t, { expiresIn: 3600, ...options });

/** The same again, in a page that looks at the fake time. */
export async function onPage(t, options) {
  const page = fakePage(t);
  return { page, ...(await inTime(t, options)) };
}
