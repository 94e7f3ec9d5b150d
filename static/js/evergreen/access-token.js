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
 * @param {unknown} text
 * @returns {AccessToken | null} null if it is not a JWT with `sid`, `iat` and `exp`
 */
export function decodeAccessToken(text) {
  if (typeof text !== "string") return null;
  const [, payload, signature, ...rest] = text.split(".");
  if (!payload || !signature || rest.length > 0) return null;
  try {
    // Read as Latin-1: the three claims are ASCII, and UTF-8 in others stays valid JSON.
    const { sid, iat, exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const isComplete = typeof sid === "string" && Number.isFinite(iat) && Number.isFinite(exp) && iat < exp;
    return isComplete ? { text, sid, iat, exp } : null;
  } catch {
    return null;
  }
}

/**
 * Whether `next` may take the place of `current`: same session, and newer.
 *
 * @param {AccessToken} next
 * @param {AccessToken} current
 */
export function isSuccessor(next, current) {
  // At the end of a session successive tokens share its exp; then iat decides.
  const isNewer = next.exp > current.exp || (next.exp === current.exp && next.iat > current.iat);
  return next.sid === current.sid && isNewer;
}
