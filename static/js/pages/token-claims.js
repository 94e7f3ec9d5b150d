// Reading an access token. Nothing is verified here: that is the server's work.

/**
 * @typedef {object} Claims
 * @property {number} iat Seconds since the epoch, by the server's clock.
 * @property {number} exp Likewise.
 * @property {string} sid The session.
 * @property {number} [rgen] Generation of the refresh token that came with it.
 */

/**
 * The claims of a JWT, or null if this is none.
 *
 * @param {string | null | undefined} token
 * @returns {Claims | null}
 */
export function readClaims(token) {
  try {
    const part = token?.split(".")[1] ?? "";
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims.iat === "number" && typeof claims.exp === "number" ? claims : null;
  } catch {
    return null;
  }
}

/**
 * "a91f…03c7": enough to compare, short enough to read.
 *
 * @param {string} id
 * @returns {string}
 */
export function shortId(id) {
  return id.length > 11 ? `${id.slice(0, 4)}…${id.slice(-4)}` : id;
}

/**
 * A copy of a token whose signature is wrong: its first character is another one.
 * (The last one may hold unused bits only, and then the copy would be as good as the original.)
 *
 * @param {string} token
 * @returns {string}
 */
export function damaged(token) {
  const start = token.lastIndexOf(".") + 1;
  const other = token[start] === "A" ? "B" : "A";
  return token.slice(0, start) + other + token.slice(start + 1);
}
