// A replaced XMLHttpRequest in a scope of its own, with a user who is signed in.

import { installXMLHttpRequest } from "../../static/js/evergreen/index.js";
import { calm } from "./fake-time.js";
import { EVENTS, fakeXMLHttpRequest } from "./fake-xhr.js";
import { accessToken, BASE, deferred, makeAuth, problem, REFUSED, signedIn, tokenAnswer } from "./harness.js";

export const FRESH = accessToken({ age: -100 });
export const ME = `${BASE}/me`;

/** An answer that refuses the access token. */
export const refusal = { status: 401, headers: REFUSED, body: '{"code":"invalid_token"}' };
/** An answer that asks for one. */
export const asked = { status: 401, headers: { "WWW-Authenticate": "Bearer" }, body: '{"code":"no_token"}' };

/** What one request without a refusal tells its caller. */
export const ONE_CALL = [
  "readystatechange 1",
  "loadstart",
  "readystatechange 2",
  "readystatechange 3",
  "progress",
  "readystatechange 4",
  "load",
  "loadend",
];

const refuseOld = ({ headers }) => (headers.authorization === `Bearer ${FRESH}` ? { body: '{"ok":true}' } : refusal);

/** `answer` decides on every request; by default all tokens but FRESH, which a refresh brings, are refused. */
export async function xhrWorld({ answer, routes = {}, ...options } = {}) {
  const world = await signedIn({ routes: { "POST /api/refresh": () => tokenAnswer(FRESH), ...routes }, ...options });
  return replaced(world, answer);
}

/** The same where it is not known yet whether somebody is signed in: the refresh fails in passing. */
export async function unrestored({ answer } = {}) {
  const world = makeAuth({ routes: { "POST /api/refresh": () => problem(503, "unavailable") } });
  await world.auth.ready;
  return replaced(world, answer);
}

function replaced(world, answer = refuseOld) {
  const { XMLHttpRequest: Original, sent } = fakeXMLHttpRequest(answer);
  const scope = { XMLHttpRequest: Original };
  const undo = installXMLHttpRequest(world.auth, scope);
  return { ...world, scope, Original, sent, undo, tokens: () => sent.map(({ headers }) => headers.authorization) };
}

/** What a caller sees, by its listeners and by its on… handlers. */
export function watch(xhr) {
  const listened = [];
  const handled = [];
  const describe = (event) => (event.type === "readystatechange" ? `${event.type} ${xhr.readyState}` : event.type);
  for (const type of EVENTS) {
    xhr.addEventListener(type, (event) => listened.push(describe(event)));
    xhr[`on${type}`] = (event) => handled.push(describe(event));
  }
  return { listened, handled };
}

/** Send, and wait for the end; resolves to what the caller saw. */
export async function run(xhr, { method = "GET", url = ME, headers = {}, body, before } = {}) {
  const seen = watch(xhr);
  const end = new Promise((resolve) => xhr.addEventListener("loadend", resolve));
  xhr.open(method, url);
  for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
  before?.();
  xhr.send(body);
  await end;
  await calm();
  return seen;
}

/** A request that is opened and not yet sent, and what its caller sees. */
export const opened = ({ scope }, ...opening) => {
  const xhr = new scope.XMLHttpRequest();
  const seen = watch(xhr);
  xhr.open("GET", ME, ...opening);
  return { xhr, ...seen };
};

/** A token that is due, and a refresh that the test answers: a call has to wait before it is sent. */
export async function waiting(options) {
  const answer = deferred();
  const world = await xhrWorld({ routes: { "POST /api/refresh": () => answer.promise }, ...options });
  world.now.forward(86_390);
  return { ...world, answer };
}
