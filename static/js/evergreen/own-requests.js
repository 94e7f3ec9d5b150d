/** @typedef {typeof globalThis.fetch} Fetch */

/**
 * Requests that the client sends itself. They are finished: nothing may be added to them.
 * @type {WeakSet<object>}
 */
const ownRequests = new WeakSet();

/**
 * @param {Fetch} fetch
 * @param {Request} request
 */
export function sendOwn(fetch, request) {
  ownRequests.add(request);
  return fetch(request);
}

/** @param {RequestInfo | URL} input */
export function isOwn(input) {
  return ownRequests.has(/** @type {object} */ (input)); // false for a string
}
