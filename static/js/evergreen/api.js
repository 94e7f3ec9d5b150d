import { decodeAccessToken } from "./access-token.js";
import { errorFrom, RefreshUnavailableError, SessionEndedError, SignInError, TransientError } from "./errors.js";
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
 * @property {string | null} refreshToken null if it is in a cookie, or stays the same
 * @property {User} user
 *
 * @typedef {{ email: string, password: string, code?: string, remember?: boolean }} Credentials
 */

/** The three calls that open, renew and end a session. Each rejects with TransientError if no answer comes. */
export class Api {
  #base;
  #transport;
  #fetch;

  /** @param {{ base: string, transport: Transport, fetch: Fetch }} options */
  constructor({ base, transport, fetch }) {
    this.#base = base;
    this.#transport = transport;
    this.#fetch = fetch;
  }

  /**
   * @param {Credentials} credentials
   * @param {AbortSignal} signal
   * @throws {SignInError}
   */
  async login({ email, password, code, remember }, signal) {
    const body = { email, password, code, remember, transport: this.#transport };
    const response = await this.#post("/login", { body, signal });
    if (!response.ok) throw await errorFrom(SignInError, response);
    return readTokens(response);
  }

  /**
   * @param {string | null} refreshToken null with the cookie transport
   * @param {AbortSignal} signal
   * @throws {SessionEndedError | RefreshUnavailableError | TransientError}
   */
  async refresh(refreshToken, signal) {
    const body = refreshToken ? { refresh_token: refreshToken } : undefined;
    const response = await this.#post("/refresh", { body, signal });
    if (response.status === 401) throw await errorFrom(SessionEndedError, response);
    if (response.status === 404) throw await errorFrom(RefreshUnavailableError, response);
    if (!response.ok) throw await errorFrom(TransientError, response);
    return readTokens(response);
  }

  /**
   * @param {string | null} accessToken goes first; an expired one will do
   * @param {string | null} refreshToken
   */
  async logout(accessToken, refreshToken) {
    const body = !accessToken && refreshToken ? { refresh_token: refreshToken } : undefined;
    if (this.#transport === "body" && !accessToken && !body) return;
    // A page that is left right after sign-out must not take the sign-out with it.
    const response = await this.#post("/logout", { body, accessToken, keepalive: true });
    // 401: there is no such session any more, which is what was asked for.
    if (!response.ok && response.status !== 401) throw await errorFrom(TransientError, response);
  }

  /**
   * @param {string} path
   * @param {{ body?: object, accessToken?: string | null, signal?: AbortSignal, keepalive?: boolean }} options
   */
  async #post(path, { body, accessToken, ...options }) {
    const headers = new Headers();
    if (body) headers.set("Content-Type", "application/json");
    if (accessToken) headers.set("Authorization", `Bearer ${accessToken}`);
    const request = new Request(this.#base + path, {
      ...options,
      method: "POST",
      headers,
      body: body && JSON.stringify(body),
      // A front end on another origin of the same site needs "include" for the cookie to travel.
      credentials: this.#transport === "cookie" ? "include" : "omit",
    });
    try {
      return await sendOwn(this.#fetch, request);
    } catch (cause) {
      throw new TransientError("The server could not be reached.", { cause });
    }
  }
}

/**
 * @param {Response} response
 * @returns {Promise<Tokens>}
 */
async function readTokens(response) {
  const body = await response.json().catch(() => null);
  const accessToken = decodeAccessToken(body?.access_token);
  if (!accessToken || !Number.isFinite(body.expires_in) || !body.user) {
    // A captive portal answers 200 with a page of its own.
    throw new TransientError("The answer did not come from the API.", { status: response.status });
  }
  return { accessToken, expiresIn: body.expires_in, refreshToken: body.refresh_token ?? null, user: body.user };
}
