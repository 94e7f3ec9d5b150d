/** A way out of the API's path. React Native's `URL` leaves it there, and what sends the request would resolve it. */
const DOT_SEGMENT = /[/\\](\.|%2e){2}([/\\]|$)/i;

/**
 * The API's address: where sign-in happens, and which requests may carry the access token.
 *
 * @param {string} baseURL absolute, or relative to the page
 * @throws {TypeError} if it is relative and there is no page
 */
export function resolveBase(baseURL) {
  const { origin, pathname } = new URL(baseURL, pageURL());
  const path = pathname.replace(/\/$/, "");
  return {
    /** Absolute, without a slash at the end. */
    href: origin + path,

    /**
     * Whether a request goes to the API: same origin, and a path at or below the base's.
     * @param {RequestInfo | URL} input
     */
    covers(input) {
      try {
        // Parsing resolves `..`, `%2e%2e` and backslashes first, as fetch itself does.
        // A Request is known by its `url`: it may be a frame's, or the page may have replaced the class.
        const url = new URL(/** @type {any} */ (input).url ?? input, pageURL());
        return url.origin === origin && `${url.pathname}/`.startsWith(`${path}/`) && !DOT_SEGMENT.test(url.pathname);
      } catch {
        return false;
      }
    },
  };
}

/**
 * The address of a request that will be sent later, or again: by then a router may have led the page elsewhere, and a
 * relative one with it. Without a page nothing is relative, and React Native's `URL` would put a slash at its end.
 *
 * @template {string | URL} T
 * @param {T} url
 * @returns {T | string}
 */
export function absolute(url) {
  const base = pageURL();
  return base ? new URL(url, base).href : url;
}

/** What fetch resolves relative addresses against: the document's base, a worker's own address, or nothing. */
function pageURL() {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}
