import { decodeAccessToken } from "./access-token.js";
import { TransientError } from "./errors.js";

/**
 * What `localStorage` and React Native's `AsyncStorage` have in common. In a page it must be one that all tabs share:
 * `sessionStorage` is copied to a duplicated tab, whose refresh token falls behind and is taken for a thief's.
 * @typedef {object} TokenStorage
 * @property {(key: string) => string | null | Promise<string | null>} getItem
 * @property {(key: string, value: string) => unknown} setItem
 * @property {(key: string) => unknown} removeItem
 */

/** @returns {TokenStorage} a storage that ends with the page or the process */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

/**
 * @param {string} base the API's address: two APIs that share a storage must never see each other's tokens
 * @returns {string} with only such characters as every storage takes in a key; Expo's SecureStore refuses others
 */
export function storageKey(base) {
  return `evergreen.${base.replace(/[^\w.-]/g, "_")}`;
}

/** @typedef {ReturnType<typeof refreshTokenStore>} RefreshTokenStore */

/**
 * The place of one refresh token. Every function rejects with TransientError if the storage fails.
 *
 * @param {TokenStorage} storage
 * @param {string} key
 */
export function refreshTokenStore(storage, key) {
  /** How often this page has set or taken: whoever waits for the storage sees by it that somebody came between. */
  let writes = 0;

  return {
    get: () => attempt(() => storage.getItem(key)),

    /** @param {string} refreshToken */
    set(refreshToken) {
      writes += 1;
      return attempt(() => storage.setItem(key, refreshToken));
    },

    /**
     * Remove the refresh token and return it. Both are asked for at once: a later `set` cannot come between.
     *
     * @param {string} [sid] the session that is over. Where the storage answers at once, as `localStorage` does, and
     *   names another session, a tab that shares it has signed in meanwhile: that token stays, and null comes back
     */
    take(sid) {
      writes += 1;
      return attempt(async () => {
        const held = storage.getItem(key);
        // A refresh token has the same claims. Of one that is none of ours, and of a promise, nothing is known.
        if (sid && (decodeAccessToken(/** @type {any} */ (held))?.sid ?? sid) !== sid) return null;
        return (await Promise.all([held, storage.removeItem(key)]))[0];
      });
    },

    /**
     * Put the successor of a refresh token in its place, or remove it, unless it is not there any more: another tab,
     * or a sign-in here, may have stored one of its own.
     *
     * @param {string | null} presented the refresh token that was sent to the server
     * @param {string} [successor]
     */
    replace(presented, successor) {
      const before = writes;
      return attempt(async () => {
        if ((await storage.getItem(key)) !== presented || writes !== before) return;
        await (successor ? storage.setItem(key, successor) : storage.removeItem(key));
      });
    },
  };
}

/**
 * @template T
 * @param {() => T | Promise<T>} operation
 */
async function attempt(operation) {
  try {
    return await operation();
  } catch (cause) {
    throw new TransientError({}, "Storage failed.", cause);
  }
}
