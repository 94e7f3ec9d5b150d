import { decodeAccessToken, isSuccessor } from "./access-token.js";
import { SessionEndedError } from "./errors.js";

/** @import { AccessToken } from "./access-token.js" */
/** @import { Tokens, User } from "./api.js" */

/**
 * - `unknown`: restoring has not brought a definite answer yet
 * - `signed-in`: there is an access token, maybe an expired one
 * - `nobody`: the server said so
 * - `left`: logout() was called; only a sign-in ends this
 * @typedef {"unknown" | "signed-in" | "nobody" | "left"} Status
 */

/** What the client knows of the sign-in, in memory only. No I/O, no events. */
export class Session {
  /** @type {Status} */
  status = "unknown";
  /** @type {User | null} */
  user = null;
  /** @type {number | null} ms of the local clock */
  expiresAt = null;
  /** @type {AccessToken | null} */
  #accessToken = null;
  /** When to refresh beforehand: ms of the local clock. */
  #dueAt = Infinity;
  #epoch = new AbortController();
  #refreshBefore;
  #now;

  /** @param {{ refreshBefore: number, now: () => number }} options refreshBefore in seconds, now in ms */
  constructor({ refreshBefore, now }) {
    this.#refreshBefore = refreshBefore;
    this.#now = now;
  }

  get accessToken() {
    return this.#accessToken?.text ?? null;
  }

  /**
   * The current epoch: from one sign-in or sign-out to the next. Whoever waits for an answer keeps the signal;
   * once it is aborted the answer belongs to somebody else's time.
   */
  get epoch() {
    return this.#epoch.signal;
  }

  /** Begin a new epoch. */
  supersede() {
    const past = this.#epoch;
    this.#epoch = new AbortController();
    past.abort(new SessionEndedError("Another sign-in or a sign-out took its place."));
  }

  /**
   * The access token that a call of this epoch may send now, or null.
   * @param {AbortSignal} epoch
   */
  tokenOf(epoch) {
    return epoch.aborted ? null : this.accessToken;
  }

  isDue() {
    return this.#now() > this.#dueAt;
  }

  /** @param {AccessToken} accessToken */
  isOwnerOf(accessToken) {
    return this.#accessToken?.sid === accessToken.sid;
  }

  /** @param {Tokens} tokens */
  hold({ accessToken, expiresIn, user }) {
    this.status = "signed-in";
    this.user = user;
    this.#replaceToken(accessToken, expiresIn);
  }

  /**
   * Adopt the token of an `X-New-Token` header if it is a newer one of the same session and epoch.
   *
   * @param {string | null} text
   * @param {AbortSignal} epoch
   * @returns {boolean} whether it was adopted
   */
  adopt(text, epoch) {
    const next = decodeAccessToken(text);
    if (!next || epoch.aborted || !this.#accessToken || !isSuccessor(next, this.#accessToken)) return false;
    this.#replaceToken(next, next.exp - next.iat);
    return true;
  }

  /**
   * @param {"nobody" | "left"} status
   * @returns {boolean} whether somebody was signed in
   */
  end(status) {
    const wasSignedIn = this.status === "signed-in";
    this.status = status;
    this.user = this.expiresAt = this.#accessToken = null;
    this.#dueAt = Infinity;
    return wasSignedIn;
  }

  /**
   * @param {AccessToken} accessToken
   * @param {number} lifetime seconds; the server's clock and ours are never compared
   */
  #replaceToken(accessToken, lifetime) {
    this.#accessToken = accessToken;
    this.expiresAt = this.#now() + lifetime * 1000;
    // At most half of the life: a short-lived token must not be refreshed before every call.
    this.#dueAt = this.expiresAt - Math.min(this.#refreshBefore, lifetime / 2) * 1000;
  }
}
