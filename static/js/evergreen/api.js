import { decodeAccessToken } from "./access-token.js";
import { RefreshUnavailableError, SessionEndedError, SignInError, TransientError } from "./errors.js";
import { sendOwn } from "./own-requests.js";

/** @import { AccessToken } from "./access-token.js" */
/** @import { Fetch } from "./own-requests.js" */

/**
 * How the refresh token travels: as an HttpOnly cookie, or in JSON bodies.
 * @typedef {"cookie" | "body"} Transport
 *
 * @typedef {{ id: number, email: string, first_name: string, last_name: string, email_verified: boolean }} User
 *
 * What a sign-in or a refresh brings.
 * @typedef {object} Tokens
 * @property {AccessToken} accessToken
 * @property {number} expiresIn seconds from now
 * @property {string} [refreshToken] none if it is in a cookie, or stays the same
 * @property {User} user
 *
 * @typedef {{ email: string, password: string, code?: string, remember?: boolean }} Credentials
 */

/**
 * An answer whose body was read: JSON, or null if it is something else.
 * @typedef {{ status: number, headers: Headers, body: any }} Reply
 */

/** How long to wait for an answer, body included. A late one could put an old cookie back. */
const PATIENCE_MS = 15_000;

const NO_ANSWER = "No API answer.";

/**
 * The three calls that open, renew and end a session. Each rejects with TransientError if no answer comes.
 *
 * @param {string} base
 * @param {Transport} transport
 * @param {Fetch} fetch
 */
export function createApi(base, transport, fetch) {
  /**
   * @param {string} path
   * @param {object} [body]
   * @param {AbortSignal} [signal]
   * @param {string} [accessToken]
   * @param {unknown} [isWithoutCookie]
   * @returns {Promise<Reply>}
   */
  async function post(path, body, signal, accessToken, isWithoutCookie) {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      const request = new Request(base + path, {
        method: "POST",
        headers: {
          ...(body && { "Content-Type": "application/json" }),
          ...(accessToken && { Authorization: `Bearer ${accessToken}` }),
        },
        body: body && JSON.stringify(body),
        // A front end on another origin of the same site needs "include" for the cookie to travel.
        credentials: transport === "cookie" && !isWithoutCookie ? "include" : "omit",
        // A page that is left right after a sign-out must not take the sign-out with it.
        keepalive: !signal,
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
      const response = await sendOwn(fetch, request);
      return { status: response.status, headers: response.headers, body: await response.json().catch(() => null) };
    } catch (cause) {
      throw new TransientError({}, NO_ANSWER, cause);
    }
  }

  return {
    /**
     * @param {Credentials} credentials
     * @param {AbortSignal} signal
     * @throws {SignInError | TransientError}
     */
    async login(credentials, signal) {
      const reply = await post("/login", { ...credentials, transport }, signal);
      // A server that fails has refused nobody.
      if (reply.status >= 300 && reply.status < 500) throw new SignInError(reply);
      return readTokens(reply);
    },

    /**
     * @param {string | null} refreshToken null with the cookie transport
     * @param {AbortSignal} signal
     * @throws {SessionEndedError | RefreshUnavailableError | TransientError}
     */
    async refresh(refreshToken, signal) {
      const reply = await post("/refresh", refreshToken ? { refresh_token: refreshToken } : undefined, signal);
      if (isChallenge(reply)) throw new SessionEndedError(reply);
      // The code: a proxy's own 404 says nothing about the API.
      if (reply.status === 404 && reply.body?.code === "not_found") throw new RefreshUnavailableError(reply);
      return readTokens(reply);
    },

    /**
     * @param {string | undefined} accessToken goes first; an expired one will do
     * @param {string | null} [refreshToken]
     * @param {boolean} [isAgain] whether it was said before: the cookie may be that of a newer sign-in by now, so the
     *   access token alone has to say which session is meant
     * @returns {Promise<true | undefined>} whether the session has ended for certain. After a challenge it may live on,
     *   by a cookie that was not sent
     * @throws {TransientError} if it has to be said again
     */
    async logout(accessToken, refreshToken, isAgain) {
      if (transport === "body" && !accessToken && !refreshToken) return;
      const body = !accessToken && refreshToken ? { refresh_token: refreshToken } : undefined;
      const reply = await post("/logout", body, undefined, accessToken, isAgain && accessToken);
      if (reply.status === 204) return true;
      // A challenge: no token that was sent is good for it, however often it is said. A captive portal's 200 or a
      // proxy's 401 says nothing.
      if (!isChallenge(reply)) throw new TransientError(reply);
    },
  };
}

/** @typedef {ReturnType<typeof createApi>} Api */

/**
 * Whether the API itself says 401 (RFC 6750 §3): somebody on the way would not ask for a Bearer token.
 *
 * @param {{ status: number, headers: { get: (name: string) => string | null } }} answer
 * @param {string} [token] the access token that was sent: then it is a challenge only if that was refused
 */
export function isChallenge({ status, headers }, token) {
  const value = /** @type {string} */ (headers.get("WWW-Authenticate"));
  return status === 401 && /\bBearer\b(\s.*\berror="?invalid_token\b)?/i.exec(value)?.[token ? 1 : 0];
}

/**
 * @param {Reply} reply
 * @returns {Tokens}
 * @throws {TransientError} if there are none in it
 */
function readTokens(reply) {
  const { status } = reply;
  const { access_token, expires_in, refresh_token, user } = reply.body ?? {};
  if (status >= 300) throw new TransientError(reply);
  const accessToken = decodeAccessToken(access_token);
  // A captive portal answers 200 with a page of its own.
  if (!accessToken || !(expires_in >= 0) || !user) throw new TransientError({ status }, NO_ANSWER);
  return { accessToken, expiresIn: expires_in, refreshToken: refresh_token, user };
}
