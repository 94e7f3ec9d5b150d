/**
 * What the client reads of an access token. It cannot verify the signature and never trusts the claims
 * for more than choosing between two tokens.
 * @typedef {object} AccessToken
 * @property {string} text the token itself
 * @property {string} sid the session it belongs to
 * @property {number} iat seconds since 1970 by the server's clock
 * @property {number} exp seconds since 1970 by the server's clock
 */

/**
 * @param {string | null | undefined} text
 * @returns {AccessToken | null} null if it is not a JWT with `sid`, `iat` and `exp`
 */
export function decodeAccessToken(text) {
  try {
    const payload = /** @type {string} */ (text).split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    // Read as Latin-1: the three claims are ASCII, and UTF-8 in others stays valid JSON.
    const { sid, iat, exp } = JSON.parse(atob(payload));
    return sid && iat < exp ? { text: /** @type {string} */ (text), sid, iat, exp } : null;
  } catch {
    return null;
  }
}

/**
 * Whether `next` may take the place of `current`: same session, and newer.
 *
 * @param {AccessToken | null} next
 * @param {AccessToken | null} current
 * @returns {next is AccessToken}
 */
export function isSuccessor(next, current) {
  return !!next && next.sid === current?.sid && next.exp > current.exp;
}

/**
 * How many seconds an access token has left, by the server's own clock if the answer tells it.
 *
 * @param {AccessToken} accessToken as it came with an answer
 * @param {string | null} date the answer's `Date` header
 */
export function lifetimeOf({ iat, exp }, date) {
  const answeredAt = Date.parse(/** @type {string} */ (date)) / 1000;
  // Without a usable Date: it was made for this answer.
  return exp - (answeredAt < exp ? answeredAt : iat);
}
