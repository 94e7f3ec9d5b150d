import { isOwn } from "./own-requests.js";

/** @import { Auth } from "./auth.js" */
/** @import { Fetch } from "./own-requests.js" */

/**
 * Put `auth.fetch` in the place of the global `fetch` for every call under the auth's base URL.
 * Other calls go to the fetch that was there before.
 *
 * @param {Auth} auth
 * @param {{ fetch: Fetch }} [scope] the object whose `fetch` is replaced; the global one by default
 * @returns {() => void} undoes it. If somebody has replaced fetch since, theirs stays and ours lets everything pass
 */
export function installFetch(auth, scope = globalThis) {
  const original = scope.fetch;
  let isInstalled = true;

  /** @type {Fetch} */
  function fetch(input, init) {
    const isForAuth = isInstalled && !isOwn(input) && auth.covers(input);
    return isForAuth ? auth.fetch(input, init) : original.call(scope, input, init);
  }

  scope.fetch = fetch;
  return () => {
    isInstalled = false;
    if (scope.fetch === fetch) scope.fetch = original;
  };
}
