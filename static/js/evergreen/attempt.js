import { isChallenge } from "./api.js";
import { RefreshUnavailableError, TransientError } from "./errors.js";

/** @import { SessionKeeper } from "./session-keeper.js" */

/**
 * What a call needs to know of its answer; a Response is one.
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} url where it came from, after redirects; empty if that is not known
 * @property {{ get: (name: string) => string | null }} headers
 */

/**
 * One call to the API: which access token it carries, and whether its answer asks for a second try.
 * fetch, XMLHttpRequest and axios differ in how they send; what to send is decided here.
 *
 * First waits for the restore under way, or tries it again, and refreshes a token that is about to expire.
 *
 * @param {SessionKeeper} keeper
 * @param {(url: string) => boolean} covers
 */
export async function beginAttempt(keeper, covers) {
  const { session } = keeper;
  // Neither try must be made in the name of somebody who comes later.
  const { signal } = session.epoch;
  /** Why a refresh beforehand failed. No error yet: the token may be good still, or the resource public. */
  const setback = keeper.isDue() && (await failureOf(keeper.refresh()));
  let isSecond = false;
  const currentToken = () => (signal.aborted ? undefined : session.token?.text);

  /** Where nothing refreshes, the session is over with its access token. */
  async function renew() {
    if (setback instanceof TransientError) throw setback;
    const failure = attempt.token && (await failureOf(keeper.refresh()));
    if (failure instanceof TransientError) throw failure;
    if (failure instanceof RefreshUnavailableError && currentToken() === attempt.token) await keeper.end();
  }

  const attempt = {
    /** The access token to send now, if there is one. */
    token: currentToken(),

    /**
     * Take what the answer brings, and judge it.
     *
     * @param {Answer} answer
     * @returns {Promise<string | undefined>} the token with which to send the call once more. If none, the answer is
     *   the caller's; it is a 401 of our token only if the session is over or a second token was refused as well
     * @throws {TransientError} if the token was refused and a refresh failed in passing
     */
    async settle(answer) {
      // A redirect may have led elsewhere; what others answer is none of our business.
      if (answer.url && !covers(answer.url)) return;
      keeper.adopt(answer.headers, signal);
      if (isSecond || !isChallenge(answer, attempt.token)) return;
      isSecond = true;
      // If there is another token by now, that one deserves a try first.
      if (currentToken() === attempt.token) await renew();
      return (attempt.token = currentToken());
    },
  };
  return attempt;
}

/** @typedef {Awaited<ReturnType<typeof beginAttempt>>} Attempt */

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<unknown>} what it rejects with, if it does
 */
function failureOf(promise) {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}
