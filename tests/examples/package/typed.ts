// Every export of the package with its types. A line after @ts-expect-error is a mistake that the compiler must find.

import axios from "axios";
import {
  AuthError,
  RefreshUnavailableError,
  SessionEndedError,
  SignInError,
  TransientError,
  asyncStorage,
  attachAxios,
  createAuth,
  createAuthContext,
  installFetch,
  installXMLHttpRequest,
  memoryStorage,
} from "evergreen-auth";
import * as native from "evergreen-auth/native";
import type { AuthEvents } from "evergreen-auth";
import * as React from "react";

type Auth = ReturnType<typeof createAuth>;
type User = NonNullable<Auth["user"]>;

/** Does not compile unless both types are the same, and none of them `any`. */
function same<A>() {
  return <B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]) => {};
}
// @ts-expect-error
same<string>()<string | null>();
// @ts-expect-error
same<string>()<any>();

// createAuth and its options
const auth: EventTarget = createAuth();
createAuth({ baseURL: "/api", transport: "cookie", refreshBefore: 60, onSignedOut: (event: Event) => event.type });
createAuth({ transport: "body", storage: localStorage, fetch: globalThis.fetch, now: () => 0, locks: null });
createAuth({ transport: "body", storage: memoryStorage() });
const nothing = async () => {};
createAuth({ storage: asyncStorage({ getItem: async () => null, setItem: nothing, removeItem: nothing }) });
createAuth({
  storage: asyncStorage({ getItemAsync: async () => "", setItemAsync: nothing, deleteItemAsync: nothing }),
  appState: { addEventListener: (_type: "change", _handler: (state: string) => void) => ({ remove() {} }) },
});
// @ts-expect-error there are two transports only
createAuth({ transport: "header" });
// @ts-expect-error an address is a string
createAuth({ baseURL: new URL("https://example.com") });
// @ts-expect-error seconds are a number
createAuth({ refreshBefore: "60" });
// @ts-expect-error no such option
createAuth({ baseUrl: "/api" });
// @ts-expect-error a storage can remove
createAuth({ storage: { getItem: () => null, setItem: () => {} } });
// @ts-expect-error AsyncStorage is asynchronous
asyncStorage(localStorage);

// What it gives
async function use(auth: Auth) {
  const user = await auth.login({ email: "a@example.com", password: "secret", code: "123456", remember: true });
  same<User>()<typeof user>();
  same<{ id: number; email: string; first_name: string; last_name: string; email_verified: boolean }>()<User>();
  same<User | null>()<typeof auth.user>();
  same<string | null>()<typeof auth.accessToken>();
  same<number | null>()<typeof auth.expiresAt>();
  same<Promise<User | null>>()<typeof auth.ready>();
  same<Promise<User | null>>()<ReturnType<typeof auth.refresh>>();
  same<Promise<boolean>>()<ReturnType<typeof auth.logout>>();
  same<boolean>()<ReturnType<typeof auth.covers>>();
  const reply: Response = await auth.fetch("/api/products", { method: "GET", signal: AbortSignal.timeout(1000) });
  const attempt = await auth.begin();
  const token: string | undefined = attempt.token;
  const next: string | undefined = await attempt.settle(reply);
  auth.addEventListener("token", (event) => (event as CustomEvent<{ source: string }>).detail.source);
  auth.addEventListener("anything", (event) => same<Event>()<typeof event>());
  auth.addEventListener("token", { handleEvent: (event: Event) => event.type }, { once: true });
  // @ts-expect-error a sign-in needs a password
  await auth.login({ email: "a@example.com" });
  // @ts-expect-error nobody but the client sets the token
  auth.accessToken = "mine";
  // @ts-expect-error the user may be null
  auth.user.email;
  return [token, next];
}

// Its events
createAuth({
  onSignedOut({ detail }) {
    same<"logout" | "ended">()<typeof detail.reason>();
  },
});
function listen(auth: Auth) {
  const onToken = ({ detail }: AuthEvents["token"]) =>
    same<"login" | "refresh" | "header" | "tab">()<typeof detail.source>();
  auth.addEventListener("token", onToken, { once: true });
  auth.removeEventListener("token", onToken);
  auth.addEventListener("token", ({ detail }) => same<AuthEvents["token"]["detail"]>()<typeof detail>());
  auth.addEventListener("signedin", ({ detail }) => same<User>()<typeof detail.user>());
  auth.addEventListener("signedout", async ({ detail }) => same<"logout" | "ended">()<typeof detail.reason>());
  // @ts-expect-error this event has no user
  auth.addEventListener("signedout", ({ detail }) => detail.user);
}

// fetch and XMLHttpRequest
const undo: () => void = installFetch(createAuth());
installFetch(createAuth(), { fetch: globalThis.fetch });
const undoXHR: () => void = installXMLHttpRequest(createAuth());
// @ts-expect-error an auth is needed
installFetch();

// axios
const undoAxios: () => void = attachAxios(createAuth(), axios.create({ baseURL: "/api" }));
attachAxios(createAuth(), axios);
// @ts-expect-error fetch is not axios
attachAxios(createAuth(), fetch);

// React
const { AuthProvider, useAuth } = createAuthContext(React);
export function App() {
  return React.createElement(AuthProvider, { auth: createAuth() }, React.createElement(Name));
}
function Name() {
  const { user, loading, login, logout, fetch, auth } = useAuth();
  same<User | null>()<typeof user>();
  same<boolean>()<typeof loading>();
  same<Auth["login"]>()<typeof login>();
  same<Auth["logout"]>()<typeof logout>();
  same<Auth["fetch"]>()<typeof fetch>();
  same<Auth>()<typeof auth>();
  // @ts-expect-error the user may be null
  return user.first_name;
}
// @ts-expect-error the provider takes an auth
React.createElement(AuthProvider, { auth: {} });
// @ts-expect-error React is handed over
createAuthContext();

// Errors
export function explain(error: unknown): string {
  if (error instanceof SignInError) return error.code === "mfa_required" ? "Which code?" : error.message;
  if (error instanceof SessionEndedError || error instanceof RefreshUnavailableError) return "Sign in again.";
  if (error instanceof TransientError) same<number | undefined>()<typeof error.retryAfter>();
  if (error instanceof AuthError) return error.problem?.detail ?? `${error.status}`;
  return String(error);
}
// @ts-expect-error an error's code is text
const code: number = new AuthError({}).code;

// For React Native it is the same
same<typeof createAuth>()<typeof native.createAuth>();

export { auth, code, undo, undoAxios, undoXHR, listen, use };
