/** @import { AccessToken } from "./access-token.js" */
/** @import { Api } from "./api.js" */
/** @import { RefreshTokenStore } from "./storage.js" */

/**
 * Where notes to the next page are kept: `localStorage`.
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Notes
 */

/**
 * Sign-outs that the server may not have heard of. Each is said again until it was heard, whoever signs in meanwhile; a
 * note with the session's id (never a token) lets even the next page know, whose cookie would otherwise bring the
 * session back. Where there is no cookie, the refresh token itself is kept aside until then: it is what the next page,
 * or the app when it is opened again, can say it by.
 *
 * @param {Api} api
 * @param {Notes | null | undefined} notes of the cookie transport; none: nothing outlives this page
 * @param {string} key of the note
 * @param {RefreshTokenStore | null} [aside] of the body transport
 */
export function createFarewell(api, notes, key, aside) {
  /** @type {Map<unknown, () => Promise<void>>} by what names the session; undefined if only the cookie does */
  const unsaid = new Map();
  /**
   * Whether a session was signed out in this browser, though the server may not know.
   * @param {unknown} sid
   */
  const isFor = (sid) => notes?.getItem(key) === sid;

  return {
    unsaid,
    isFor,

    /**
     * @param {AccessToken | null} token of the session, if it is known
     * @param {Promise<string | null | undefined>} [refreshToken]
     */
    prepare(token, refreshToken) {
      const name = token?.sid ?? refreshToken;
      /** @type {Promise<void> | null} under way: a second one might take the cookie of the next sign-in away */
      let saying = null;
      let isAgain = false;
      const send = async () => {
        try {
          const text = await refreshToken?.catch(() => null);
          // If the storage fails, this page tells the server all the same.
          if (text && !isAgain) await aside?.set(text).catch(() => {});
          const isOver = await api.logout(token?.text, text, isAgain);
          unsaid.delete(name);
          if (text) await aside?.replace(text).catch(() => {});
          // If not, the next page says it by a token that is new. The note may be another tab's later sign-out, too.
          if (isOver && isFor(name)) notes?.removeItem(key);
        } finally {
          saying = null;
          isAgain = true;
        }
      };
      unsaid.set(name, () => (saying ??= send()));
      try {
        if (token) notes?.setItem(key, token.sid);
      } catch {
        // The storage is full: this page will tell the server all the same.
      }
    },

    /** The cookie is another session's from now on: a sign-out that only it could say would end that one. */
    forgetCookie() {
      unsaid.delete(undefined);
      notes?.removeItem(key);
    },
  };
}

/** @typedef {ReturnType<typeof createFarewell>} Farewell */

/** @returns {Notes | undefined} none where the page may not have a storage */
export function pageNotes() {
  try {
    return globalThis.document && globalThis.localStorage;
  } catch {
    return undefined;
  }
}
