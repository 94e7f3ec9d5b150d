/** @import { Api } from "./api.js" */

/**
 * Where notes to the next page are kept: `localStorage`.
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Notes
 */

/**
 * A sign-out that the server may not have heard of. It is said again until it was heard; a note with the session's id
 * (never a token) lets even the next page know, whose cookie would otherwise bring the session back.
 *
 * @param {Api} api
 * @param {Notes | null} notes null: nothing outlives this page
 * @param {string} key of the note
 */
export function createFarewell(api, notes, key) {
  const farewell = {
    /** @type {(() => Promise<void>) | null} says it; null if there is nothing to say */
    say: null,

    /**
     * Whether a session was signed out in this browser, though the server may not know.
     * @param {string} sid
     */
    isFor: (sid) => notes?.getItem(key) === sid,

    /**
     * @param {string | undefined} sid if it is known
     * @param {string | undefined} accessToken
     * @param {Promise<string | null>} [refreshToken]
     */
    prepare(sid, accessToken, refreshToken) {
      if (sid) notes?.setItem(key, sid);
      farewell.say = async () => {
        await api.logout(accessToken, await refreshToken?.catch(() => null));
        farewell.forget();
      };
    },

    /** Another session has begun, or the server has heard. */
    forget() {
      farewell.say = null;
      notes?.removeItem(key);
    },
  };
  return farewell;
}

/** @typedef {ReturnType<typeof createFarewell>} Farewell */

/** @returns {Notes | null} null where the page may not have a storage */
export function pageNotes() {
  try {
    return globalThis.document ? localStorage : null;
  } catch {
    return null;
  }
}
