// A fetch between the client and the network that tells the page what goes over the wire,
// and that can damage the access token of one request. The client has no way to set a token, by design.

import { damaged } from "./token-claims.js";

/**
 * @typedef {object} Exchange
 * @property {string} method
 * @property {string} path With the query, without the origin.
 * @property {number | null} status null: no answer came.
 * @property {boolean} isDamaged This request carried the damaged token.
 * @property {boolean} isHealed A call that was refused with 401 has now been repeated with success.
 * @property {boolean} hasNewToken The answer carried X-New-Token.
 */

/** Requests that are about tokens: never damaged, never healed. */
const TOKEN_PATHS = /\/(login|refresh|logout)$/;

/**
 * @param {object} options
 * @param {typeof globalThis.fetch} options.fetch
 * @param {(exchange: Exchange) => void} options.onExchange Called once a request, after its answer.
 */
export function watchTraffic({ fetch, onExchange }) {
  let isArmed = false;
  /** @type {{call: string, token: string | null}[]} Calls refused with 401, waiting to be repeated. */
  const refused = [];

  /**
   * @param {Request} request
   * @returns {[Request, boolean]} What to send, and whether its token is damaged.
   */
  function prepare(request) {
    const token = request.headers.get("Authorization");
    if (!isArmed || !token || isAboutTokens(request)) return [request, false];
    isArmed = false;
    const headers = new Headers(request.headers);
    headers.set("Authorization", damaged(token));
    return [new Request(request, { headers }), true];
  }

  /**
   * @param {string} call
   * @param {string | null} token As the client sent it.
   * @param {Response} response
   * @returns {boolean} Whether this answer heals an earlier 401: the same call with another token.
   */
  function settle(call, token, response) {
    if (response.status === 401) refused.push({ call, token });
    if (!response.ok) return false;
    const index = refused.findIndex((entry) => entry.call === call && entry.token !== token);
    if (index >= 0) refused.splice(index, 1);
    return index >= 0;
  }

  /** @type {typeof globalThis.fetch} */
  async function watchedFetch(input, init) {
    const original = new Request(input, init);
    const token = original.headers.get("Authorization");
    const [request, isDamaged] = prepare(original);
    const { method } = request;
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const exchange = { method, path, isDamaged, isHealed: false, hasNewToken: false };
    try {
      const response = await fetch(request);
      exchange.isHealed = !isAboutTokens(request) && settle(`${method} ${path}`, token, response);
      exchange.hasNewToken = response.headers.has("X-New-Token");
      onExchange({ ...exchange, status: response.status });
      return response;
    } catch (error) {
      onExchange({ ...exchange, status: null });
      throw error;
    }
  }

  return {
    fetch: watchedFetch,
    /** @returns {boolean} Whether the next call will carry a damaged token. */
    get isArmed() {
      return isArmed;
    },
    set isArmed(value) {
      isArmed = value;
    },
  };
}

/** @param {Request} request */
function isAboutTokens(request) {
  return TOKEN_PATHS.test(new URL(request.url).pathname);
}
