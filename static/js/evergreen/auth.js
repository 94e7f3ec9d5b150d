import { beginAttempt } from "./attempt.js";
import { authorizedFetch } from "./authorized-fetch.js";
import { resolveBase } from "./base-url.js";
import { AuthError } from "./errors.js";
import { sendOwn } from "./own-requests.js";
import { keepSession } from "./session-keeper.js";

/** @import { Credentials, User } from "./api.js" */
/** @import { Attempt } from "./attempt.js" */
/** @import { Fetch } from "./own-requests.js" */
/** @import { KeeperOptions, Source } from "./session-keeper.js" */

/**
 * @typedef {object} OwnOptions
 * @property {string} [baseURL] the API's address, absolute or relative to the page; "/api" by default
 * @property {Fetch} [fetch] the global one of this moment by default
 * @property {(event: AuthEvents["signedout"]) => void} [onSignedOut] listens to "signedout"
 *
 * @typedef {OwnOptions & Partial<KeeperOptions>} AuthOptions
 */

/**
 * What tells of a sign-in:
 * - "token": there is a new access token; `detail.source` is "login", "refresh", "header" (`X-New-Token`) or "tab"
 * - "signedin": `detail.user` signed in, or was restored
 * - "signedout": `detail.reason` is "logout", or "ended" if the session is over
 *
 * @typedef {object} AuthEvents
 * @property {CustomEvent<{ source: Source }>} token
 * @property {CustomEvent<{ user: User }>} signedin
 * @property {CustomEvent<{ reason: "logout" | "ended" }>} signedout
 */

/**
 * One sign-in on one API. It dispatches `AuthEvents`.
 *
 * None of its own functions needs its `this`: each may be handed on by itself, as in `ky.create({ fetch: auth.fetch })`.
 *
 * @typedef {object} AuthMembers
 * @property {User | null} user null if nobody is signed in
 * @property {string | null} accessToken likewise. It may have expired; `fetch` takes care of that
 * @property {number | null} expiresAt when the access token expires: ms of the local clock, or null
 * @property {Promise<User | null>} ready the user whose session was restored, or null. Does not reject when the server
 *   cannot be reached
 * @property {(credentials: Credentials) => Promise<User>} login `code`: second factor, asked for by an error with code
 *   `mfa_required`; `remember`: keep the session when the browser closes. Rejects with SignInError if the server
 *   refused, TransientError if it failed or could not be asked, and AbortError if another login() or a logout() took
 *   its place
 * @property {Fetch} fetch `fetch` with the access token for requests under the base URL; plain `fetch` for all others
 *   and for requests that bring their own Authorization header. A 401 of the token is seen only if the session is over.
 *   Rejects with TransientError if the token was refused and a refresh failed in passing: nobody was signed out
 * @property {() => Promise<User | null>} refresh gets a new access token; callers at the same time share one call to
 *   the server. Rejects with SessionEndedError if the session is over or logout() was called, with
 *   RefreshUnavailableError if the server does not refresh (the session lasts until `expiresAt`), and with
 *   TransientError if it failed in passing: everything is kept, and it is tried again after a pause, on a phone on use
 *   and when the app is opened
 * @property {() => Promise<boolean>} logout ends the session. Here it is over at once, whatever happens next; what
 *   arrives late is dropped. Resolves to whether the server knows; if not, it is told as soon as it can be reached.
 *   Rejects with TransientError if the storage failed
 * @property {(input: RequestInfo | URL) => boolean} covers whether a request goes to this API, and so may carry the
 *   access token
 * @property {() => Promise<Attempt>} begin for those who send requests by other means than fetch, as `attachAxios`
 *   does: waits until the access token is known and good, and gives what to send and how to judge the answer
 *
 * @property {<Type extends keyof AuthEvents>(type: Type, listener: (event: AuthEvents[Type]) => unknown,
 *   options?: boolean | AddEventListenerOptions) => void} addEventListener
 * @property {<Type extends keyof AuthEvents>(type: Type, listener: (event: AuthEvents[Type]) => unknown,
 *   options?: boolean | EventListenerOptions) => void} removeEventListener
 *
 * @typedef {Readonly<AuthMembers> & EventTarget} Auth members first: a listener has its type of the first that fits
 */

/**
 * Restore the session of an earlier visit, and keep it alive from then on.
 *
 * @param {AuthOptions} [options]
 * @returns {Auth}
 */
export function createAuth(options = {}) {
  const { baseURL = "/api", fetch = globalThis.fetch, onSignedOut } = options;
  const { href, covers } = resolveBase(baseURL);
  const auth = new EventTarget();
  if (onSignedOut) auth.addEventListener("signedout", /** @type {EventListener} */ (onSignedOut));
  const emit = (/** @type {string} */ type, /** @type {object} */ detail) =>
    auth.dispatchEvent(new CustomEvent(type, { detail }));
  const keeper = keepSession(href, emit, { ...options, fetch });
  const { session, login, refresh, logout } = keeper;
  const begin = () => beginAttempt(keeper, covers);

  /** @type {Fetch} */
  async function fetchAuthorized(input, init) {
    if (!covers(input)) return fetch(input, init);
    const request = new Request(input, init);
    const { headers, body, ...rest } = init ?? {};
    if (request.headers.has("Authorization")) return sendOwn(fetch, request, rest);
    return authorizedFetch(request, begin(), /** @type {any} */ (body)?.getReader, fetch, rest);
  }

  const ready = refresh().catch((error) => {
    if (!(error instanceof AuthError)) throw error;
    return session.user;
  });
  Object.assign(auth, { covers, begin, login, refresh, logout, fetch: fetchAuthorized, ready });
  Object.defineProperties(auth, {
    user: { get: () => session.user },
    accessToken: { get: () => session.token?.text ?? null },
    expiresAt: { get: () => session.expiresAt },
  });
  return /** @type {Auth} */ (auth);
}
