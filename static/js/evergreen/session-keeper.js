import { untilAborted } from "./abort.js";
import { RefreshUnavailableError, SessionEndedError } from "./errors.js";

/** @import { Api, Credentials, Tokens, User } from "./api.js" */
/** @import { Session } from "./session.js" */
/** @import { RefreshTokenStore } from "./storage.js" */

/** Opens, renews and ends the session: decides which answers still count, and tells the listeners. */
export class SessionKeeper {
  #api;
  #session;
  #store;
  #emit;
  #loginAttempt = new AbortController();
  /** @type {{ epoch: AbortSignal, promise: Promise<User> } | null} the refresh under way */
  #flight = null;

  /**
   * @param {object} parts
   * @param {Api} parts.api
   * @param {Session} parts.session
   * @param {RefreshTokenStore | null} parts.store null with the cookie transport
   * @param {(type: "token" | "signedin" | "signedout", detail: object) => void} parts.emit
   */
  constructor({ api, session, store, emit }) {
    this.#api = api;
    this.#session = session;
    this.#store = store;
    this.#emit = emit;
  }

  /** @param {Credentials} credentials */
  login(credentials) {
    this.#loginAttempt.abort();
    this.#loginAttempt = new AbortController();
    const { signal } = this.#loginAttempt;
    return this.#obtain(this.#api.login(credentials, signal), "login", signal);
  }

  /** One call at a time: callers of the same epoch share its promise. */
  refresh() {
    const { epoch } = this.#session;
    if (this.#flight?.epoch !== epoch) {
      const promise = this.#renew(epoch).finally(() => {
        if (this.#flight?.promise === promise) this.#flight = null;
      });
      this.#flight = { epoch, promise };
    }
    return this.#flight.promise;
  }

  async logout() {
    const { accessToken } = this.#session;
    this.#loginAttempt.abort();
    this.#session.supersede();
    let refreshToken = null;
    try {
      refreshToken = await this.end("left");
    } finally {
      await this.#api.logout(accessToken, refreshToken);
    }
  }

  /**
   * Forget the session: at once here, then in the storage.
   *
   * @param {"nobody" | "left"} status
   * @returns {Promise<string | null>} the refresh token that was stored
   */
  end(status) {
    const wasSignedIn = this.#session.end(status);
    const taken = this.#store?.take() ?? Promise.resolve(null);
    if (wasSignedIn) this.#emit("signedout", { reason: status === "left" ? "logout" : "ended" });
    return taken;
  }

  /**
   * @param {string | null} newToken value of an `X-New-Token` header
   * @param {AbortSignal} epoch of the request that it answers
   */
  adopt(newToken, epoch) {
    if (this.#session.adopt(newToken, epoch)) this.#emit("token", { source: "header" });
  }

  /** @param {AbortSignal} epoch */
  async #renew(epoch) {
    if (this.#session.status === "left") throw new SessionEndedError("Nobody is signed in.");
    try {
      return await this.#obtain(this.#requestRefresh(epoch), "refresh", epoch);
    } catch (error) {
      const isDefinite = error instanceof SessionEndedError || error instanceof RefreshUnavailableError;
      // Where nothing refreshes, the session is as good as its access token.
      const isOver = error instanceof SessionEndedError || !this.#session.accessToken;
      if (isDefinite && isOver && !epoch.aborted) await this.end("nobody");
      throw error;
    }
  }

  /** @param {AbortSignal} epoch */
  async #requestRefresh(epoch) {
    const refreshToken = this.#store && (await this.#store.get());
    if (this.#store && !refreshToken) throw new RefreshUnavailableError("There is no refresh token.");
    return this.#api.refresh(refreshToken, epoch);
  }

  /**
   * Wait for tokens, keep the refresh token, and only then use the access token: its first use makes the
   * server drop the refresh token before this one. Nothing is kept once `current` is aborted.
   *
   * @param {Promise<Tokens>} answer
   * @param {"login" | "refresh"} source
   * @param {AbortSignal} current
   */
  async #obtain(answer, source, current) {
    const tokens = await untilAborted(answer, current);
    current.throwIfAborted();
    if (tokens.refreshToken) await this.#store?.set(tokens.refreshToken);
    else if (source === "login") await this.#store?.take();
    current.throwIfAborted();
    this.#accept(tokens, source);
    return tokens.user;
  }

  /**
   * @param {Tokens} tokens
   * @param {"login" | "refresh"} source
   */
  #accept(tokens, source) {
    // The cookie may belong to another sign-in by now, made in another tab: then this is one, too.
    const isSignIn = source === "login" || !this.#session.isOwnerOf(tokens.accessToken);
    if (isSignIn) this.#session.supersede();
    this.#session.hold(tokens);
    this.#emit("token", { source });
    if (isSignIn) this.#emit("signedin", { user: tokens.user });
  }
}
