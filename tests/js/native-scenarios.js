// What a program on a phone does, for native.test.js. Each scenario gives what came of it, as JSON can say it.

/** React Native's AsyncStorage, or Expo's SecureStore: `items` is what is in it. */
export function makeStore(kind) {
  const items = new Map();
  const getItem = async (key) => items.get(key) ?? null;
  const setItem = async (key, value) => void items.set(key, value);
  const removeItem = async (key) => void items.delete(key);
  if (kind === "AsyncStorage") return { items, store: { getItem, setItem, removeItem } };
  // SecureStore refuses other keys than these.
  const strict = (operation) => async (key, value) => {
    if (!/^[\w.-]+$/.test(key)) throw new Error("Invalid key provided to SecureStore.");
    return operation(key, value);
  };
  return {
    items,
    store: { getItemAsync: strict(getItem), setItemAsync: strict(setItem), deleteItemAsync: strict(removeItem) },
  };
}

/** The error itself is no JSON. */
const nameOf = (promise) =>
  promise.then(
    () => "none",
    ({ name }) => name,
  );

/** Sign in, call, be refused, call again, sign out; and look at everything on the way. */
export async function wholeLife({ createAuth, asyncStorage }, { args: [baseURL, kind] }) {
  const { items, store } = makeStore(kind);
  const events = [];
  const appState = { addEventListener: () => {} };
  const auth = createAuth({ baseURL, transport: "body", storage: asyncStorage(store), appState });
  for (const type of ["token", "signedin", "signedout"]) {
    auth.addEventListener(type, ({ detail }) => events.push([type, detail.source ?? detail.reason ?? ""].join(" ")));
  }
  const restored = await auth.ready;
  const user = await auth.login({ email: "user@example.com", password: "correct horse" });
  const stored = [...items.values()];
  const first = await auth.fetch(`${baseURL}/things`, { method: "POST", body: '{"a":1}' });
  const answer = await first.json();
  await fetch(`${baseURL}/expire`);
  const second = await auth.fetch(`${baseURL}/things`, { method: "POST", body: '{"a":2}' });
  const rotated = [...items.values()];
  const isKnown = await auth.logout();
  const left = [...items.values()];
  return {
    restored,
    user,
    stored,
    answer,
    secondAnswer: [second.status, await second.json()],
    rotated,
    isKnown,
    left,
    after: [auth.user, auth.accessToken, auth.expiresAt],
    refused: await nameOf(auth.refresh()),
    events,
  };
}

/** The app is started again, with what the first left in the store. */
export async function nextStart({ createAuth, asyncStorage }, { args: [baseURL, kind] }) {
  const { items, store } = makeStore(kind);
  const options = { baseURL, transport: "body", storage: asyncStorage(store) };
  await createAuth(options).login({ email: "user@example.com", password: "correct horse" });
  const auth = createAuth(options);
  const user = await auth.ready;
  return { user, stored: [...items.values()] };
}

/** A call is taken back while it is on its way, and a sign-in by another. */
export async function cancelled({ createAuth }, { args: [baseURL] }) {
  const auth = createAuth({ baseURL, transport: "body" });
  const first = nameOf(auth.login({ email: "slow@example.com", password: "correct horse" }));
  await auth.login({ email: "user@example.com", password: "correct horse" });
  const controller = new AbortController();
  const call = nameOf(auth.fetch(`${baseURL}/slow`, { signal: controller.signal }));
  setTimeout(() => controller.abort(), 20);
  return { first: await first, call: await call };
}

/** Whose address nobody answers. */
export async function offline({ createAuth, asyncStorage }, { args: [baseURL, kind] }) {
  const { items, store } = makeStore(kind);
  const storage = asyncStorage(store);
  const auth = createAuth({ baseURL, transport: "body", storage });
  const login = await nameOf(auth.login({ email: "user@example.com", password: "correct horse" }));
  return { login, user: auth.user, stored: [...items.values()] };
}

/** A request that is refused, with a refresh in vain: what its caller hears. */
export async function refusedRequest({ createAuth, installXMLHttpRequest }, { args: [baseURL] }) {
  const { EventTarget } = await import("event-target-shim"); // React Native's
  class XMLHttpRequest extends EventTarget {
    DONE = 4;
    readyState = 0;
    status = 0;

    open(method, url) {
      Object.assign(this, { readyState: 1, status: 0, responseURL: url });
    }

    setRequestHeader() {}

    send() {
      Object.assign(this, { readyState: 4, status: 401 });
      for (const type of ["readystatechange", "load", "loadend"]) this.dispatchEvent({ type });
    }

    getResponseHeader(name) {
      return name === "WWW-Authenticate" ? 'Bearer error="invalid_token"' : null;
    }
  }
  const scope = { XMLHttpRequest };
  const auth = createAuth({ baseURL, transport: "body" });
  await auth.login({ email: "user@example.com", password: "correct horse" });
  installXMLHttpRequest(auth, scope);
  await fetch(`${baseURL}/expire`);
  const xhr = new scope.XMLHttpRequest();
  const heard = [];
  for (const type of ["load", "error"]) xhr.addEventListener(type, () => heard.push(`${type} ${xhr.status}`));
  const end = new Promise((resolve) => xhr.addEventListener("loadend", resolve));
  xhr.open("GET", `${baseURL}/things`);
  xhr.send();
  await end;
  return heard;
}

/** What is put in the place of the missing, by its behaviour. */
export async function standards(...given) {
  return { events: await events(...given), mistake: await mistake(), signals: await signals(), base64: await base64() };
}

/** Listeners of every kind. */
export async function events(evergreen, { AbortController: Original, fetch }) {
  const seen = [];
  const target = new EventTarget();
  const once = () => seen.push("once");
  const object = { handleEvent: ({ type }) => seen.push(`object ${type}`) };
  target.addEventListener("a", once, { once: true });
  target.addEventListener("a", once); // changes nothing
  target.addEventListener("a", object);
  target.addEventListener("a", object);
  target.addEventListener("a", null);
  target.addEventListener("a", function handler({ detail }) {
    seen.push(`function ${detail} ${this === target}`);
  });
  target.addEventListener("b", () => seen.push("of another type"));
  target.dispatchEvent(new CustomEvent("a", { detail: 7 }));
  target.removeEventListener("a", object);
  target.removeEventListener("c", object);
  target.dispatchEvent(new CustomEvent("a"));
  target.dispatchEvent(new CustomEvent("nobody listens"));
  await new Promise((resolve) => setTimeout(resolve, 5)); // for a mistake to be reported
  return { seen, isOriginal: AbortController === Original && globalThis.fetch === fetch };
}

/** A listener that throws: the others hear, and the mistake is reported like any other of the program. */
async function mistake() {
  const seen = [];
  process.once("uncaughtException", (error) => seen.push(`reported ${error.message}`));
  const target = new EventTarget();
  target.addEventListener("a", () => {
    throw new Error("mistake");
  });
  target.addEventListener("a", () => seen.push("heard"));
  seen.push(target.dispatchEvent(new CustomEvent("a")));
  await new Promise((resolve) => setTimeout(resolve, 20));
  return seen;
}

/** Signals: reasons, throwIfAborted, timeout and any. */
export async function signals() {
  const reasonOf = ({ reason }) => reason?.name ?? reason ?? null;
  const thrown = (signal) => {
    try {
      signal.throwIfAborted();
      return "nothing";
    } catch (error) {
      return error.name ?? error;
    }
  };
  const plain = new AbortController();
  const before = thrown(plain.signal);
  plain.abort();
  const own = new AbortController();
  own.abort("mine");
  own.abort("too late");
  const late = new AbortController();
  const pending = AbortSignal.any([late.signal, new AbortController().signal]);
  const wasAborted = pending.aborted;
  let events = 0;
  pending.addEventListener("abort", () => (events += 1));
  late.abort("late");
  const timeout = AbortSignal.timeout(5);
  await new Promise((resolve) => timeout.addEventListener("abort", resolve));
  return {
    before,
    plain: [reasonOf(plain.signal), thrown(plain.signal)],
    own: [reasonOf(own.signal), thrown(own.signal)],
    already: reasonOf(AbortSignal.any([new AbortController().signal, own.signal])),
    late: [wasAborted, pending.aborted, reasonOf(pending), events],
    timeout: [timeout.aborted, reasonOf(timeout)],
    none: AbortSignal.any([]).aborted,
  };
}

/** What atob makes of texts of every length: `wrong` lists those that it reads otherwise than Node would. */
async function base64() {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const wrong = [];
  for (let start = 0; start <= bytes.length; start += 1) {
    const part = bytes.subarray(start);
    const text = part.toString("base64");
    const read = [atob(text), atob(text.replaceAll("=", ""))];
    if (read.some((result) => result !== part.toString("latin1"))) wrong.push(text);
  }
  return { wrong, unknown: await nameOf((async () => atob("a-b_"))()) };
}
