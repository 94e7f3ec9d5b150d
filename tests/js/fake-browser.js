// A browser made of functions: what its tabs share, and a server that they are signed in to.

import { decodeAccessToken } from "../../static/js/evergreen/access-token.js";
import { calm, fakeTime } from "./fake-time.js";
import { accessToken, fakeServer, json, makeAuth, noContent, over, refused, tokenAnswer, USER } from "./harness.js";

/** `navigator.locks` of one browser. `log` lists when each was granted and given back. */
export function fakeLocks() {
  const waiting = [];
  const log = [];
  let isHeld = false;
  async function grant() {
    if (isHeld || !waiting.length) return;
    const { name, callback, resolve } = waiting.shift();
    isHeld = true;
    log.push("granted");
    // As in browsers, not before the request has returned.
    await null;
    const result = Promise.resolve(callback({ name, mode: "exclusive" }));
    await result.catch(() => {});
    isHeld = false;
    log.push("released");
    resolve(result);
    grant();
  }
  return {
    log,
    isHeld: () => isHeld,
    request(name, { signal }, callback) {
      return new Promise((resolve, reject) => {
        const entry = { name, callback, resolve };
        const leave = () => {
          const place = waiting.indexOf(entry);
          if (place < 0) return; // granted: too late
          waiting.splice(place, 1);
          reject(signal.reason);
        };
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener("abort", leave);
        waiting.push(entry);
        grant();
      });
    },
  };
}

/**
 * The BroadcastChannel of one browser. `said` lists the messages; while `hold()` they are kept, and `deliver(order)`
 * brings them, e.g. in reverse.
 */
export function fakeChannels() {
  const members = new Set();
  const said = [];
  let held = null;
  class FakeBroadcastChannel {
    onmessage = null;

    constructor(name) {
      this.name = name;
      members.add(this);
    }

    postMessage(message) {
      const data = structuredClone(message);
      said.push(data);
      const arrive = () => {
        for (const other of members) {
          if (other !== this && other.name === this.name) other.onmessage?.({ data });
        }
      };
      if (held) held.push(arrive);
      else setImmediate(arrive);
    }
  }
  return {
    BroadcastChannel: FakeBroadcastChannel,
    said,
    hold() {
      held = [];
    },
    async deliver(order = (messages) => messages) {
      const messages = held;
      held = null;
      for (const arrive of order(messages)) arrive();
      await calm();
    },
    /** A message by somebody who knows the name of the channel. */
    async say(data) {
      for (const member of members) member.onmessage?.({ data });
      await calm();
    },
  };
}

/** The part of `localStorage` that is for notes. */
function fakeNotes() {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/**
 * A server with one cookie: "s1" is signed in, or what `sid` says. Each refresh makes a newer access token;
 * `expire()` makes it refuse all tokens made so far.
 */
export function fakeSessions({ sid = "s1", ...more } = {}) {
  const state = { sid, age: 0, expired: 0 };
  const issued = new Map();
  function issue() {
    state.age -= 1;
    const token = accessToken({ sid: state.sid, age: state.age });
    issued.set(token, state.age);
    return tokenAnswer(token);
  }
  const server = fakeServer({
    "POST /api/login": () => {
      state.sid = `s${Number(state.sid?.slice(1) ?? 0) + 1}`;
      return issue();
    },
    "POST /api/refresh": () => (state.sid ? issue() : over("no_token")),
    "POST /api/logout": ({ request, token }) => {
      // The session of the cookie ends, if that is sent, and the session of the token.
      const isAnothers = request.credentials === "omit" && decodeAccessToken(token)?.sid !== state.sid;
      if (!isAnothers) state.sid = null;
      return new Response(null, { status: 204 });
    },
    "GET /api/me": ({ token }) => (issued.has(token) && issued.get(token) < state.expired ? json({}) : refused()),
    ...more,
  });
  state.expired = Infinity;
  const expire = () => {
    state.expired = state.age;
  };
  return { ...server, state, issue, expire };
}

/** Tabs of one browser: what they share, and a way to open another. */
export function fakeBrowser(t, { server = fakeSessions(), locks = fakeLocks(), ...more } = {}) {
  const time = fakeTime(t);
  const channels = fakeChannels();
  const notes = fakeNotes();
  const shared = { fetch: server.fetch, now: time.now, locks, notes, BroadcastChannel: channels.BroadcastChannel };
  const open = (options) => makeAuth({ ...shared, ...more, ...options });
  /** Open several, and wait until each knows who is signed in. */
  async function openTabs(count, options) {
    const tabs = Array.from({ length: count }, () => open(options));
    await time.until(Promise.all(tabs.map(({ auth }) => auth.ready)));
    await time.pass(1);
    server.calls.length = channels.said.length = 0;
    for (const { events } of tabs) events.length = 0;
    return tabs;
  }
  return { server, time, channels, notes, locks, open, openTabs };
}

/** What a tab would say of a new token. */
export function news(time, token, more = {}) {
  return { token, expiresAt: time.now() + 3_600_000, user: USER, source: "refresh", ...more };
}

/** A tab that is signed in; `logouts()` counts what the server was told. */
export async function tabOf(t, { answer = noContent, ...options } = {}) {
  const server = fakeSessions();
  const browser = fakeBrowser(t, { server, ...options });
  const [tab] = await browser.openTabs(1);
  server.routes["POST /api/logout"] = answer;
  return { ...browser, ...tab, server, routes: server.routes, logouts: () => server.sent("/api/logout").length };
}
