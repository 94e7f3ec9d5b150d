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
export const nameOf = (promise) =>
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
