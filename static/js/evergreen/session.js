/** @import { AccessToken } from "./access-token.js" */
/** @import { User } from "./api.js" */

/**
 * - `unknown`: restoring has not brought a definite answer yet
 * - `signed-in`: there is an access token, maybe an expired one
 * - `nobody`: the server said so
 * - `left`: logout() was called; only a sign-in ends this
 * @typedef {"unknown" | "signed-in" | "nobody" | "left"} Status
 *
 * What the client knows of the sign-in, in memory only.
 * @typedef {object} Session
 * @property {AbortController} epoch the time from one sign-in or sign-out to the next. Whoever waits for an answer
 *   keeps its signal; once that is aborted the answer belongs to somebody else's time
 * @property {Status} status
 * @property {number} dueAt when to ask for a new access token without being told: ms of the local clock
 * @property {AccessToken | null} token
 * @property {number | null} expiresAt ms of the local clock
 * @property {User | null} user
 */

/**
 * @param {Status} status
 * @param {number} dueAt
 * @param {AccessToken | null} token
 * @param {number | null} expiresAt
 * @param {User | null} user
 */
export function sessionState(status, dueAt, token = null, expiresAt = null, user = null) {
  return { status, dueAt, token, expiresAt, user };
}
