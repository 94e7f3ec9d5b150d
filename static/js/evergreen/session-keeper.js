// One long function, and so a long file: its parts are the moves of one state, `session`, which nobody else may write.
// Cut in two, each half would have to be handed the other's moves.

import { untilAborted } from "./abort.js";
import { decodeAccessToken, isSuccessor, lifetimeOf } from "./access-token.js";
import { setUpAlarm } from "./alarm.js";
import { createApi } from "./api.js";
import { createBackOff } from "./back-off.js";
import { RefreshUnavailableError, SessionEndedError } from "./errors.js";
import { createFarewell, pageNotes } from "./farewell.js";
import { sessionState } from "./session.js";
import { memoryStorage, refreshTokenStore, storageKey } from "./storage.js";
import { joinTabs } from "./tabs.js";

/** @import { AccessToken } from "./access-token.js" */
/** @import { AppState } from "./alarm.js" */
/** @import { Credentials, Tokens, Transport, User } from "./api.js" */
/** @import { Notes } from "./farewell.js" */
/** @import { Fetch } from "./own-requests.js" */
/** @import { Session } from "./session.js" */
/** @import { TokenStorage } from "./storage.js" */
/** @import { Channel, Locks, Message, News } from "./tabs.js" */

/**
 * Where a new access token came from: a sign-in, `POST /refresh`, an `X-New-Token` header, or another tab.
 * @typedef {"login" | "refresh" | "header" | "tab"} Source
 *
 * @typedef {object} KeeperOptions
 * @property {Fetch} fetch
 * @property {Transport} [transport] by default "cookie" in a document, else "body"
 * @property {TokenStorage} [storage] keeps the refresh token of the body transport; memory by default. Never
 *   `sessionStorage`
 * @property {number} [refreshBefore] seconds: an access token with less left is refreshed; 60 by default, and never
 *   more than half of the token's life
 * @property {AppState} [appState] React Native's: no timer and no `X-New-Token`, the token is refreshed on use and when
 *   the app comes to the foreground
 * @property {() => number} [now] the local clock in ms
 * @property {Locks | null} [locks] `navigator.locks` in a document
 * @property {Channel | null} [BroadcastChannel] the global one in a document
 * @property {Notes | null} [notes] keeps, with the cookie transport, the id of a session whose sign-out the server has
 *   not heard of; `localStorage` in a document
 */

const OVER = "Session over.";

/**
 * Open, renew and end the session: decide which answers still count, and tell listeners and other tabs.
 *
 * @param {string} base the API's address
 * @param {(type: "token" | "signedin" | "signedout", detail: object) => void} emit
 * @param {KeeperOptions} options
 */
export function keepSession(
  base,
  emit,
  {
    fetch,
    transport = globalThis.document ? "cookie" : "body",
    storage = memoryStorage(),
    refreshBefore = 60,
    appState,
    now = Date.now,
    locks = globalThis.document && globalThis.navigator.locks,
    BroadcastChannel = globalThis.document && globalThis.BroadcastChannel,
    notes = pageNotes(),
  },
) {
  const isCookie = transport === "cookie";
  const name = storageKey(base);
  const api = createApi(base, transport, fetch);
  const store = isCookie ? null : refreshTokenStore(storage, name);
  const aside = isCookie ? null : refreshTokenStore(storage, `${name}.left`);
  const farewell = createFarewell(api, isCookie ? notes : null, `${name}.left`, aside);
  /** @type {Session} */
  const session = { epoch: new AbortController(), ...sessionState("unknown", 0) };
  let loginAttempt = new AbortController();
  /** @type {Promise<User | null> | null} the refresh under way in this epoch */
  let flight = null;
  const backOff = createBackOff(now);
  const isDue = () => now() > session.dueAt;
  const alarm = setUpAlarm(wake, appState);
  // Each transport has sessions of its own: a tab that took another's over could not renew it, and would end it there.
  const tabs = joinTabs(`${name}.${transport}`, hear, locks, BroadcastChannel);

  // --- new tokens ------------------------------------------------------------------------------------------

  /**
   * @param {Credentials} credentials
   * @returns {Promise<User>}
   */
  async function login(credentials) {
    loginAttempt.abort();
    const { signal } = (loginAttempt = new AbortController());
    const request = async () => {
      // Said later for the first time, it might take the new cookie away.
      await leave();
      return keep(await api.login(credentials, signal), signal);
    };
    const tokens = await untilAborted(request(), signal);
    signal.throwIfAborted(); // Aborted since: the answer came first, by a hair.
    accept(tokens, "login");
    return tokens.user;
  }

  /**
   * One call at a time: callers of the same epoch share its promise.
   * @returns {Promise<User | null>}
   */
  function refresh() {
    const { signal } = session.epoch;
    if (session.status === "left") return Promise.reject(new SessionEndedError({}, OVER));
    if (backOff.left() > 0 && !flight) return Promise.reject(backOff.error);
    return (flight ??= renew(signal).finally(() => {
      if (!signal.aborted) flight = null;
      setAlarm();
    }));
  }

  /** @param {AbortSignal} epoch */
  async function renew(epoch) {
    const { token } = session;
    /** @type {string | null} */
    let presented = null;
    /** @returns {Promise<Tokens | null>} null if another tab's result came meanwhile: that is the one to keep */
    const request = async () => {
      epoch.throwIfAborted();
      if (session.token !== token) return null;
      presented = store && (await store.get());
      if (store && !presented) throw new RefreshUnavailableError({}, "No refresh token.");
      const tokens = await api.refresh(presented, epoch);
      return session.token === token ? keep(tokens, epoch, presented) : null;
    };
    try {
      const tokens = await untilAborted(tabs.alone(request), epoch);
      epoch.throwIfAborted();
      if (tokens) accept(tokens, "refresh");
      return session.user;
    } catch (error) {
      if (!epoch.aborted) await fail(/** @type {Error} */ (error), presented);
      throw error;
    }
  }

  /**
   * Keep the refresh token, and only then use the access token: its first use makes the server drop the refresh
   * token before this one. Nothing is kept once `current` is aborted.
   *
   * @param {Tokens} tokens
   * @param {AbortSignal} current
   * @param {string | null} [presented] the refresh token that brought them; none at a sign-in
   */
  async function keep(tokens, current, presented) {
    const { refreshToken } = tokens;
    current.throwIfAborted();
    if (!presented) await (refreshToken ? store?.set(refreshToken) : store?.take());
    else if (refreshToken) await store?.replace(presented, refreshToken);
    return tokens;
  }

  /**
   * @param {Omit<Tokens, "refreshToken">} tokens
   * @param {Source} source
   */
  function accept({ accessToken, expiresIn, user }, source) {
    if (farewell.isFor(accessToken.sid)) {
      farewell.prepare(accessToken);
      leave();
      throw new SessionEndedError({}, OVER);
    }
    // The cookie may belong to another sign-in by now, made in another tab: then this is one, too.
    const isSignIn = source === "login" || session.token?.sid !== accessToken.sid;
    if (isSignIn) {
      // Where nobody was signed in before, what is under way goes on in the name of who is now.
      if (source === "login" || session.token) supersede();
      farewell.forgetCookie();
    }
    hold(accessToken, expiresIn, user, source);
    if (isSignIn) emit("signedin", { user });
  }

  /**
   * @param {{ get: (name: string) => string | null }} headers of an answer
   * @param {AbortSignal} epoch of the request that it answers
   */
  function adopt(headers, epoch) {
    // Phones refresh by hand only.
    const next = appState ? null : decodeAccessToken(headers.get("X-New-Token"));
    if (!epoch.aborted && isSuccessor(next, session.token))
      hold(next, lifetimeOf(next, headers.get("Date")), session.user, "header");
  }

  /**
   * There is a new access token.
   *
   * @param {AccessToken} token
   * @param {number} lifetime seconds that it has left
   * @param {User | null} user
   * @param {Source} source
   */
  function hold(token, lifetime, user, source) {
    const expiresAt = now() + lifetime * 1000;
    // At the end of the session there is nothing to gain. At most half of the life: a short-lived token must not be
    // refreshed before every call.
    const early = token.exp === session.token?.exp ? 0 : Math.min(refreshBefore, lifetime / 2);
    Object.assign(session, sessionState("signed-in", expiresAt - early * 1000, token, expiresAt, user));
    backOff.clear();
    setAlarm();
    if (source !== "tab") tabs.tell({ token: token.text, expiresAt, user, source });
    emit("token", { source });
  }

  // --- the end ---------------------------------------------------------------------------------------------

  /**
   * Only a definite answer ends a session; everything else is tried again later.
   * @param {Error} error
   * @param {string | null} presented the refresh token that was sent
   */
  async function fail(error, presented) {
    const isUnavailable = error instanceof RefreshUnavailableError;
    // Where nothing refreshes, the session is as good as its access token.
    if (isUnavailable && session.token) session.dueAt = Infinity;
    else if (isUnavailable || error instanceof SessionEndedError) {
      forget("nobody", "ended");
      await store?.replace(presented);
    } else backOff.add(error);
  }

  /** The session is over. */
  async function end() {
    const taken = store?.take(session.token?.sid);
    forget("nobody", "ended");
    await taken;
  }

  /** @returns {Promise<boolean>} whether the server knows */
  async function logout() {
    const { token } = session;
    loginAttempt.abort();
    const refreshToken = store?.take(token?.sid);
    forget("left", "logout");
    // A second one by cookie knows nothing that the first does not say.
    if (token || store || !farewell.unsaid.size) farewell.prepare(token, refreshToken);
    // If the storage fails, the caller hears of it below: until then the rejection must not count as unhandled.
    refreshToken?.catch(() => {});
    const isHeard = await leave();
    await refreshToken;
    return isHeard;
  }

  /**
   * Forget the session: at once here, then in other tabs.
   *
   * @param {"nobody" | "left"} status
   * @param {"logout" | "ended"} reason
   * @param {boolean} [isKnown] whether another tab said so. Then the storage, if they share it, is that tab's to clear,
   *   and may hold the token of a new sign-in
   */
  function forget(status, reason, isKnown) {
    const { token } = session;
    supersede();
    Object.assign(session, sessionState(status, Infinity));
    if (!token) return;
    if (!isKnown) tabs.tell({ ended: token.sid, reason });
    emit("signedout", { reason });
  }

  /**
   * Tell the server of a sign-out that it has not heard of; if it cannot be told now, then later.
   * @returns {Promise<boolean>} whether it knows now
   */
  async function leave() {
    try {
      await Promise.all([...farewell.unsaid.values()].map((say) => say()));
      return true;
    } catch (error) {
      backOff.add(/** @type {Error} */ (error));
      return false;
    } finally {
      setAlarm();
    }
  }

  /** Begin a new epoch: what was asked for in the one before does not count any more. */
  function supersede() {
    const past = session.epoch;
    session.epoch = new AbortController();
    flight = null;
    past.abort(new SessionEndedError({}, OVER));
  }

  // --- what others say ---------------------------------------------------------------------------------------

  /**
   * What another tab has to say.
   * @param {Message} message
   */
  function hear(message) {
    const { status, token } = session;
    if (message.ended) {
      if (message.ended === token?.sid) forget("nobody", message.reason, true);
      return;
    }
    const { token: text, expiresAt, user, source } = /** @type {News} */ (message);
    const accessToken = decodeAccessToken(text);
    const expiresIn = (expiresAt - now()) / 1000;
    if (!accessToken || !(expiresIn > 0) || farewell.isFor(accessToken.sid)) return;
    if (isSuccessor(accessToken, token)) hold(accessToken, expiresIn, user, "tab");
    else if (isCookie) {
      // Another tab's sign-in is this one's, too.
      if (status === "unknown" || (status === "nobody" && source === "login"))
        accept({ accessToken, expiresIn, user: /** @type {User} */ (user) }, "tab");
      // After a sign-out here it is not, but the cookie is that sign-in's.
      else if (source === "login") farewell.forgetCookie();
    }
  }

  /**
   * Time may have passed unnoticed, or the network may be back.
   * @param {{ type: string }} [event]
   */
  function wake(event) {
    // No answer at all: it was the network, and that is mended.
    if (event?.type === "online" && !backOff.error?.status) backOff.clear();
    if (globalThis.document?.hidden) return;
    if (backOff.left() > 0) return setAlarm();
    // Both: a sign-out that cannot be told must not keep the session of a later sign-in from being refreshed.
    leave();
    if (isDue()) refresh().catch(() => {});
  }

  /** Not during a refresh: that sets it at its end. */
  function setAlarm() {
    if (!flight) alarm(Math.max(farewell.unsaid.size ? 1 : session.dueAt - now() + 1, backOff.left()));
  }

  // The sign-out that could not be said before the page or the app was closed, if there is one.
  if (aside) {
    farewell.prepare(null, aside.get());
    leave();
  }

  return { session, login, refresh, adopt, end, logout, isDue };
}

/** @typedef {ReturnType<typeof keepSession>} SessionKeeper */
