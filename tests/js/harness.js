// A server made of functions, a clock that is moved by hand, and tokens: what the client's tests share.

import { createAuth } from "../../static/js/evergreen/index.js";

export const BASE = "https://app.test/api";
export const USER = { id: 1, email: "user@example.com", first_name: "John", last_name: "Doe", email_verified: true };
export const CREDENTIALS = { email: "user@example.com", password: "correct horse" };
export const REFUSED = { "WWW-Authenticate": 'Bearer error="invalid_token"' };

/** Server time in the tokens, seconds: far from the local clock on purpose. */
const ISSUED_AT = 1_000_000;

/** An access token; `age` seconds older or younger than the others. */
export function accessToken({ sid = "s1", age = 0, lifetime = 86_400, ...claims } = {}) {
  const iat = ISSUED_AT - age;
  const payload = { sid, iat, exp: iat + lifetime, ...claims };
  return `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln`;
}

export function json(body, { status = 200, headers = {} } = {}) {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

/** A sign-in or refresh answer. */
export function tokenAnswer(token = accessToken(), more = {}) {
  return json({ access_token: token, token_type: "bearer", expires_in: 86_400, user: USER, ...more });
}

export function problem(status, code, headers = {}) {
  return json({ title: "Refused", detail: `Refused: ${code}.`, status, code }, { status, headers });
}

export const noContent = () => new Response(null, { status: 204 });
export const unreachable = () => Promise.reject(new TypeError("fetch failed"));
export const refused = () => problem(401, "invalid_token", REFUSED);
/** The definite answer to a refresh: there is no such session any more, or no refresh token came. */
export const over = (code = "session_ended") => problem(401, code, REFUSED);

/** An API that greets everybody. */
export const hello = { "GET /api/me": () => json(USER) };

/** A promise that the test settles. */
export function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Let everything that can go on without an answer go on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A fetch with a server behind it. `routes` maps "POST /api/refresh" to a function of the request;
 * what has no route does not answer. `calls` lists what was sent, `sent(path)` the requests to one path.
 */
export function fakeServer(routes = {}) {
  const calls = [];
  async function fetch(input, init) {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const call = {
      input,
      init,
      request,
      path: pathname,
      token: request.headers.get("Authorization")?.slice(7) ?? null,
    };
    calls.push(call);
    const aborted = new Promise((_, reject) => {
      const abort = () => reject(request.signal.reason);
      if (request.signal.aborted) abort();
      request.signal.addEventListener("abort", abort);
    });
    aborted.catch(() => {});
    const route = routes[`${request.method} ${pathname}`];
    if (!route) throw new TypeError("fetch failed");
    return Promise.race([aborted, route(call)]);
  }
  const sent = (path) => calls.filter((call) => call.path === path);
  return { fetch, routes, calls, sent };
}

/** A local clock in ms that stands still until it is moved. */
export function fakeClock(ms = 50_000_000_000) {
  const now = () => ms;
  now.forward = (seconds) => {
    ms += seconds * 1000;
  };
  return now;
}

/** A storage that remembers what was done to it. */
export function fakeStorage(refreshToken) {
  const items = new Map(refreshToken ? [["evergreen.https___app.test_api", refreshToken]] : []);
  const log = [];
  return {
    items,
    log,
    values: () => [...items.values()],
    getItem(key) {
      log.push("get");
      return items.get(key) ?? null;
    },
    setItem(key, value) {
      log.push(`set ${value}`);
      items.set(key, value);
    },
    removeItem(key) {
      log.push("remove");
      items.delete(key);
    },
  };
}

/** An auth against a fake server, with `events`: "token login", "signedin", "signedout ended"… */
export function makeAuth({ routes = {}, transport = "cookie", baseURL = BASE, ...options } = {}) {
  const server = fakeServer(routes);
  const now = fakeClock();
  const auth = createAuth({ baseURL, transport, fetch: server.fetch, now, ...options });
  const events = [];
  for (const type of ["token", "signedin", "signedout"]) {
    auth.addEventListener(type, ({ detail }) => {
      events.push([type, detail.source ?? detail.reason].filter(Boolean).join(" "));
    });
  }
  return { auth, server, routes, now, events };
}

/**
 * The same, with a user signed in by `token`, and then `routes` on the server. The calls and events up to then
 * are forgotten.
 */
export async function signedIn({ token = accessToken(), answer = {}, routes = {}, ...options } = {}) {
  const nobody = () => over("no_token");
  const login = () => tokenAnswer(token, answer);
  const world = makeAuth({ routes: { "POST /api/refresh": nobody, "POST /api/login": login }, ...options });
  await world.auth.ready;
  await world.auth.login(CREDENTIALS);
  Object.assign(world.routes, routes);
  world.server.calls.length = world.events.length = 0;
  return { ...world, token };
}
