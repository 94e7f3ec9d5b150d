import { Api } from "./api.js";
import { authorizedFetch } from "./authorized-fetch.js";
import { resolveBase } from "./base-url.js";
import { AuthError } from "./errors.js";
import { sendOwn } from "./own-requests.js";
import { Session } from "./session.js";
import { SessionKeeper } from "./session-keeper.js";
import { memoryStorage, refreshTokenStore } from "./storage.js";

/** @import { Credentials, Transport, User } from "./api.js" */
/** @import { Fetch } from "./own-requests.js" */
/** @import { TokenStorage } from "./storage.js" */

/**
 * @typedef {object} AuthOptions
 * @property {string} [baseURL] the API's address, absolute or relative to the page; "/api" by default
 * @property {Transport} [transport] by default "cookie" in a document, else "body"
 * @property {TokenStorage} [storage] keeps the refresh token of the body transport; memory by default
 * @property {number} [refreshBefore] seconds: an access token with less left is refreshed before a call;
 *   60 by default, and never more than half of the token's life
 * @property {Fetch} [fetch]
 * @property {(event: Event) => void} [onSignedOut] listens to "signedout"
 * @property {() => number} [now] the local clock in ms
 */

/**
 * Restore the session of an earlier visit, and keep it alive from then on.
 *
 * @param {AuthOptions} [options]
 */
export function createAuth(options) {
  return new Auth(options);
}

/**
 * One sign-in on one API. Three CustomEvents tell of it:
 * - "token": there is a new access token; `detail.source` is "login", "refresh" or "header" (`X-New-Token`)
 * - "signedin": `detail.user` signed in, or was restored
 * - "signedout": `detail.reason` is "logout", or "ended" if the session is over
 */
export class Auth extends EventTarget {
  #base;
  #fetch;
  #session;
  #keeper;

  /** @param {AuthOptions} [options] */
  constructor({
    baseURL = "/api",
    transport = globalThis.document ? "cookie" : "body",
    storage = memoryStorage(),
    refreshBefore = 60,
    fetch = globalThis.fetch,
    onSignedOut,
    now = Date.now,
  } = {}) {
    super();
    this.#base = resolveBase(baseURL);
    this.#fetch = fetch;
    this.#session = new Session({ refreshBefore, now });
    this.#keeper = new SessionKeeper({
      api: new Api({ base: this.#base.href, transport, fetch }),
      session: this.#session,
      store: transport === "body" ? refreshTokenStore(storage, this.#base.href) : null,
      emit: (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })),
    });
    if (onSignedOut) this.addEventListener("signedout", onSignedOut);
    /** Libraries take fetch as a plain function: `ky.create({ fetch: auth.fetch })`. */
    this.fetch = this.fetch.bind(this);
    /** The user whose session was restored, or null. Does not reject when the server cannot be reached. */
    this.ready = this.#restore();
  }

  /** Null if nobody is signed in. */
  get user() {
    return this.#session.user;
  }

  /** Null if nobody is signed in. It may have expired; `fetch` takes care of that. */
  get accessToken() {
    return this.#session.accessToken;
  }

  /** When the access token expires: ms of the local clock, or null. */
  get expiresAt() {
    return this.#session.expiresAt;
  }

  /**
   * Whether a request goes to this API, and so may carry the access token.
   * @param {RequestInfo | URL} input
   */
  covers(input) {
    return this.#base.covers(input);
  }

  /**
   * @param {Credentials} credentials `code`: second factor, asked for by an error with code `mfa_required`;
   *   `remember`: keep the session when the browser closes
   * @returns {Promise<User>}
   * @throws {SignInError} if the server refused
   * @throws {TransientError} if it could not be asked
   * @throws {DOMException} AbortError if another login() or a logout() took its place
   */
  login(credentials) {
    return this.#keeper.login(credentials);
  }

  /**
   * `fetch` with the access token, for requests under the base URL; plain `fetch` for all others and for
   * requests that bring their own Authorization header.
   *
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>} a 401 of the token is seen only if the session is over
   * @throws {TransientError} if the access token was refused and a refresh failed in passing: nobody was signed out
   */
  async fetch(input, init) {
    const fetch = this.#fetch; // Called as a plain function: browsers refuse it with another `this`.
    if (!this.covers(input)) return fetch(input, init);
    const request = new Request(input, init);
    if (request.headers.has("Authorization")) return sendOwn(fetch, request);
    return authorizedFetch(request, {
      session: this.#session,
      keeper: this.#keeper,
      send: (own) => sendOwn(fetch, own),
      covers: (url) => this.covers(url),
    });
  }

  /**
   * Get a new access token. Callers at the same time share one call to the server.
   *
   * @returns {Promise<User>}
   * @throws {SessionEndedError} if the session is over, or logout() was called
   * @throws {RefreshUnavailableError} if the server does not refresh: the session lasts until `expiresAt`
   * @throws {TransientError} if it failed in passing; everything is kept
   */
  refresh() {
    return this.#keeper.refresh();
  }

  /**
   * End the session. Here it is over at once, whatever happens next; what arrives late is dropped.
   *
   * @returns {Promise<void>}
   * @throws {TransientError} if the server could not be told. With the cookie transport the session then
   *   comes back when the page is loaded again: tell the user
   */
  logout() {
    return this.#keeper.logout();
  }

  async #restore() {
    try {
      await this.#keeper.refresh();
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
    }
    return this.user;
  }
}
