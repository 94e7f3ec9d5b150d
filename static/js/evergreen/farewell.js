/** @import { AccessToken } from "./access-token.js" */
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
 * @param {Notes | null | undefined} notes none: nothing outlives this page
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
     * @param {AccessToken | null} token of the session, if it is known
     * @param {Promise<string | null | undefined>} [refreshToken]
     */
    prepare(token, refreshToken) {
      /** @type {Promise<void> | null} under way: a second one might take the cookie of the next sign-in away */
      let saying = null;
      let isAgain = false;
      const send = async () => api.logout(token?.text, await refreshToken?.catch(() => null), isAgain);
      farewell.say = () =>
        (saying ??= send()
          .then(farewell.forget)
          .finally(() => {
            saying = null;
            isAgain = true;
          }));
      try {
        if (token) notes?.setItem(key, token.sid);
      } catch {
        // The storage is full: this page will tell the server all the same.
      }
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

/** @returns {Notes | undefined} none where the page may not have a storage */
export function pageNotes() {
  try {
    return globalThis.document && globalThis.localStorage;
  } catch {
    return undefined;
  }
}
