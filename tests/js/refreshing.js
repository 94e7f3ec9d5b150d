// A refresh under way, and the answers to one that say nothing about the session.

import { accessToken, deferred, fakeStorage, noContent, problem, settle, signedIn, unreachable } from "./harness.js";

export const fresh = accessToken({ age: -100 });

/** Signed in by the body transport, with a refresh whose answer the test decides on. */
export async function refreshing(options) {
  const answer = deferred();
  const storage = fakeStorage();
  const routes = { "POST /api/refresh": () => answer.promise, "POST /api/logout": noContent };
  const world = await signedIn({ transport: "body", storage, routes, answer: { refresh_token: "r1" }, ...options });
  const refresh = world.auth.refresh();
  await settle();
  return { ...world, answer, storage, refresh };
}

/** Answers to a refresh that are no reason to sign anybody out. */
export const passing = {
  "no answer": unreachable,
  "a page of a captive portal": () => new Response("<h1>Welcome</h1>"),
  ...Object.fromEntries(
    [400, 403, 408, 429, 500, 502, 503].map((status) => [
      status,
      () => problem(status, "some_code", { "Retry-After": "3" }),
    ]),
  ),
};
