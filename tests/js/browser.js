// A browser made of functions: time that the test lets pass, a page that sleeps and wakes, and what its tabs share.

import { accessToken, fakeServer, json, makeAuth, over, refused, settle, tokenAnswer } from "./harness.js";

/** More timers than this at one stretch are a loop. */
const MOST_TIMERS = 20_000;

/**
 * One time for the clock and the timers. Timers go off in their order while the test lets time pass, never by
 * themselves; `delays` lists how long they were set for. `AbortSignal.timeout` follows, too.
 */
export function fakeTime(t, ms = 50_000_000_000) {
  const timers = new Set();
  const delays = [];
  let references = 0;
  function setTimer(callback, delay = 0) {
    delays.push(delay);
    references += 1;
    // As in browsers and in Node: what is not a number, or too much, is no delay at all.
    const timer = { at: ms + (delay >= 1 && delay < 2 ** 31 ? delay : 1), callback };
    timer.unref = () => {
      references -= timer.unref.isDone ? 0 : 1;
      timer.unref.isDone = true;
    };
    timers.add(timer);
    return timer;
  }
  t.mock.method(globalThis, "setTimeout", setTimer);
  t.mock.method(globalThis, "clearTimeout", (timer) => timers.delete(timer));
  t.mock.method(AbortSignal, "timeout", (delay) => {
    const controller = new AbortController();
    setTimer(() => controller.abort(new DOMException("The operation timed out.", "TimeoutError")), delay).unref();
    delays.pop(); // It is nobody's timer but the platform's.
    return controller.signal;
  });

  const next = (end) =>
    [...timers].filter(({ at }) => at <= end).reduce((first, timer) => (first?.at <= timer.at ? first : timer), null);

  /** Let seconds pass, and everything happen that is due in them. */
  async function pass(seconds) {
    const end = ms + seconds * 1000;
    await calm();
    for (let count = 0, timer = next(end); timer; timer = next(end)) {
      count += 1;
      if (count > MOST_TIMERS) throw new Error("The timers go round and round.");
      ms = Math.max(ms, timer.at);
      timers.delete(timer);
      timer.callback();
      await calm();
    }
    ms = end;
    await calm();
  }

  return {
    now: () => ms,
    pass,
    delays,
    /** Timers that would keep a program from ending. */
    referenced: () => references,
    /** The clock jumps while the timers stand still: the machine sleeps, or somebody sets the clock. */
    jump(seconds) {
      ms += seconds * 1000;
      for (const timer of timers) timer.at += seconds * 1000;
    },
    /** Let time pass in small steps until a promise is settled, a minute at most. */
    async until(promise) {
      let isSettled = false;
      const mark = () => (isSettled = true);
      promise.then(mark, mark);
      await calm();
      for (let step = 0; !isSettled && step < 6000; step += 1) await pass(0.01);
      if (!isSettled) throw new Error("It takes more than a minute.");
      return promise;
    },
  };
}

/** Several turns: a body is read, a message arrives, the next lock is granted. */
export async function calm() {
  for (let turn = 0; turn < 4; turn += 1) await settle();
}

/** A document around the test, with `wake(type)` for the events of the window. Always restored. */
export function fakePage(t, { baseURI = "https://app.test/", ...more } = {}) {
  const target = new EventTarget();
  const heard = [];
  const page = {
    document: { baseURI, hidden: false },
    addEventListener(type, handler) {
      heard.push(type);
      target.addEventListener(type, handler);
    },
    ...more,
  };
  const before = Object.keys(page).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  t.after(() => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
  });
  return {
    document: page.document,
    heard,
    async wake(type) {
      target.dispatchEvent(new Event(type));
      await calm();
    },
  };
}

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
export function fakeNotes() {
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
    "POST /api/logout": () => {
      state.sid = null;
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
