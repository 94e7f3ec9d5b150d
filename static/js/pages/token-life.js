// Where an access token stands between its issue and its end. Pure: no clock, no document.

/**
 * @typedef {"fresh" | "window" | "expired"} Phase
 *   "window": so near the end that the next answer brings a new token.
 *
 * @typedef {object} Life
 * @property {number} issuedAt Milliseconds by the local clock, as all instants here.
 * @property {number} renewedFrom Where the window begins.
 * @property {number} expiresAt
 * @property {number} leftMs Never below 0.
 * @property {number} now Percent of the life that is over, 0 to 100.
 * @property {number} threshold Percent at which the window begins, 0 to 100.
 * @property {Phase} phase
 */

/**
 * @param {object} token
 * @param {number} token.expiresAt End by the local clock, in milliseconds.
 * @param {number} token.lifeMs From issue to end.
 * @param {number} token.thresholdMs Silent refresh happens with less than this left.
 * @param {number} now
 * @returns {Life}
 */
export function lifeOf({ expiresAt, lifeMs, thresholdMs }, now) {
  const issuedAt = expiresAt - lifeMs;
  const renewedFrom = Math.max(issuedAt, expiresAt - thresholdMs);
  const leftMs = Math.max(0, expiresAt - now);
  return {
    issuedAt,
    renewedFrom,
    expiresAt,
    leftMs,
    now: percent(now - issuedAt, lifeMs),
    threshold: percent(renewedFrom - issuedAt, lifeMs),
    phase: leftMs === 0 ? "expired" : leftMs < thresholdMs ? "window" : "fresh",
  };
}

/**
 * "23:59:08". Rounded up, so that 00:00:00 means over.
 *
 * @param {number} ms
 * @returns {string}
 */
export function clockText(ms) {
  const seconds = Math.ceil(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/**
 * What the life line shows, in words; changes at most once a percent.
 *
 * @param {Life} life
 * @returns {string}
 */
export function lifeText(life) {
  const left = Math.round(100 - life.now);
  const window = Math.round(100 - life.threshold);
  if (life.phase === "expired") return "Life line: the access token has expired";
  const place = life.phase === "window" ? "inside the renewal window" : "before the renewal window";
  return `Life line: ${left} % of the token's life is left, ${place}, which is its last ${window} %`;
}

/**
 * @param {number} part
 * @param {number} whole
 */
function percent(part, whole) {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 100;
}
