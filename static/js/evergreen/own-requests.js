/** @typedef {typeof globalThis.fetch} Fetch */

/**
 * Requests that the client sends itself. They are finished: nothing may be added to them.
 * @type {WeakSet<object>}
 */
const ownRequests = new WeakSet();

/**
 * @param {Fetch} fetch
 * @param {Request} request
 * @param {RequestInit} [rest] what it was made with but for headers and body. Said once more, since in Node a request
 *   holds its signal weakly, and a clone has lost its dispatcher
 */
export function sendOwn(fetch, request, rest) {
  ownRequests.add(request);
  return fetch(request, rest);
}

/** @param {RequestInfo | URL} input */
export function isOwn(input) {
  return ownRequests.has(/** @type {object} */ (input)); // false for a string
}
