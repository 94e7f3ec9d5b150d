import { createAuth } from "./auth.js";

/** @import { Credentials, User } from "./api.js" */
/** @import { Auth } from "./auth.js" */

/**
 * As much of React (18 and newer) as is used here: `import * as React from "react"` fits.
 * @typedef {object} React
 * @property {(initial: any) => any} createContext
 * @property {(...args: any[]) => any} createElement
 * @property {(context: any) => any} useContext
 * @property {(effect: () => () => void, dependencies: unknown[]) => void} useEffect
 * @property {<T>(make: () => T, dependencies: unknown[]) => T} useMemo
 * @property {<T>(initial: T) => [T, (value: T) => void]} useState
 * @property {<T>(subscribe: (notify: () => void) => () => void, get: () => T, getOnServer: () => T) => T
 *   } useSyncExternalStore
 *
 * What `useAuth` gives.
 * @typedef {object} AuthState
 * @property {User | null} user
 * @property {boolean} loading whether the first try to restore an earlier visit's session goes on still. False after it
 *   failed in passing, too: `user` follows as soon as another try succeeds. A phone makes one on use, when the app is
 *   opened, and by `auth.refresh()`
 * @property {(credentials: Credentials) => Promise<User>} login
 * @property {() => Promise<boolean>} logout
 * @property {Auth["fetch"]} fetch
 * @property {Auth} auth
 */

/**
 * Make a provider and a hook for React. `<AuthProvider auth={auth}>`; without `auth` it makes one with the default
 * options.
 *
 * @param {React} React handed over, so that it is the application's own
 */
export function createAuthContext(React) {
  const { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } = React;
  const Context = createContext(null);
  /** @type {Auth | undefined} */
  let ownAuth;

  /** @param {{ auth?: Auth, children?: any }} props */
  function AuthProvider({ auth = (ownAuth ??= createAuth()), children }) {
    const subscribe = useMemo(() => subscriber(auth), [auth]);
    const user = useSyncExternalStore(
      subscribe,
      () => auth.user,
      () => null,
    );
    const [known, setKnown] = useState(/** @type {Auth | null} */ (null));
    const loading = known !== auth;
    useEffect(() => whenReady(auth, () => setKnown(auth)), [auth]);
    const { login, logout, fetch } = auth;
    const value = useMemo(() => ({ user, loading, login, logout, fetch, auth }), [user, loading, auth]);
    return createElement(Context.Provider, { value }, children);
  }

  /** @returns {AuthState} */
  function useAuth() {
    const state = useContext(Context);
    if (!state) throw new Error("useAuth() needs an <AuthProvider> around the component.");
    return state;
  }

  return { AuthProvider, useAuth };
}

/**
 * @param {Auth} auth
 * @returns {(notify: () => void) => () => void}
 */
function subscriber(auth) {
  const types = ["token", "signedin", "signedout"];
  return (notify) => {
    for (const type of types) auth.addEventListener(type, notify);
    return () => {
      for (const type of types) auth.removeEventListener(type, notify);
    };
  };
}

/**
 * @param {Auth} auth
 * @param {() => void} tell
 * @returns {() => void} the component is gone: do not tell any more
 */
function whenReady(auth, tell) {
  let isWanted = true;
  const tellIfWanted = () => {
    if (isWanted) tell();
  };
  auth.ready.then(tellIfWanted, tellIfWanted);
  return () => {
    isWanted = false;
  };
}
