import { untilAborted } from "./abort.js";
import { RefreshUnavailableError, SessionEndedError, TransientError } from "./errors.js";

/** @import { Session } from "./session.js" */
/** @import { SessionKeeper } from "./session-keeper.js" */

/**
 * @typedef {object} Context
 * @property {Session} session
 * @property {SessionKeeper} keeper
 * @property {(request: Request) => Promise<Response>} send
 * @property {(url: string) => boolean} covers
 */

/**
 * Send a request to the API with the access token, adopt the new one that the answer may bring, and
 * send it once more, with another token, if the server refused the first.
 *
 * @param {Request} request without an Authorization header
 * @param {Context} context
 * @returns {Promise<Response>} a 401 only if the session is over or the second token was refused as well
 * @throws {TransientError} if the token was refused and a refresh failed in passing
 */
export async function authorizedFetch(request, context) {
  const { session } = context;
  const { epoch, setback } = await untilAborted(prepare(context), request.signal);
  const token = session.tokenOf(epoch);
  // A clone goes first, so that the body can be sent again.
  const answer = await exchange(request.clone(), token, epoch, context);
  if (!isRefusal(answer, token, context)) return answer;
  if (session.tokenOf(epoch) === token) {
    if (setback instanceof TransientError) throw setback;
    if (token) await untilAborted(renew(token, epoch, context), request.signal);
  }
  const next = session.tokenOf(epoch);
  if (!next) return answer;
  await answer.body?.cancel();
  return exchange(request, next, epoch, context);
}

/**
 * Wait for the restore under way, or try it again; refresh an access token that is about to expire.
 *
 * @param {Context} context
 * @returns {Promise<{ epoch: AbortSignal, setback: unknown }>} the epoch of the call; why a refresh failed.
 *   A setback is no error yet: the token may be good still, or the resource public
 */
async function prepare({ session, keeper }) {
  let setback;
  if (session.status === "unknown") setback = await failureOf(keeper.refresh());
  const { epoch } = session;
  if (session.isDue()) setback = await failureOf(keeper.refresh());
  return { epoch, setback };
}

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<unknown>} what it rejects with, if it does
 */
function failureOf(promise) {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}

/**
 * @param {Request} request
 * @param {string | null} token
 * @param {AbortSignal} epoch
 * @param {Context} context
 */
async function exchange(request, token, epoch, { keeper, send, covers }) {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  const answer = await send(request);
  if (isFromApi(answer, covers)) keeper.adopt(answer.headers.get("X-New-Token"), epoch);
  return answer;
}

/**
 * Refresh after a refusal. Where nothing refreshes, the session is over with its access token.
 *
 * @param {string} token the refused one
 * @param {AbortSignal} epoch
 * @param {Context} context
 */
async function renew(token, epoch, { session, keeper }) {
  const failure = await failureOf(keeper.refresh());
  if (failure instanceof RefreshUnavailableError) {
    if (session.tokenOf(epoch) === token) await keeper.end("nobody");
  } else if (failure && !(failure instanceof SessionEndedError)) {
    throw failure;
  }
}

/**
 * Whether the API itself refused the token, or asked for one where none was sent (RFC 6750 §3).
 *
 * @param {Response} answer
 * @param {string | null} token
 * @param {Context} context
 */
function isRefusal(answer, token, { covers }) {
  if (answer.status !== 401 || !isFromApi(answer, covers)) return false;
  const challenge = token ? /\bBearer\s.*\berror="?invalid_token\b/i : /\bBearer\b/i;
  return challenge.test(answer.headers.get("WWW-Authenticate") ?? "");
}

/**
 * A redirect may have led elsewhere; what others answer is none of our business.
 *
 * @param {Response} answer
 * @param {(url: string) => boolean} covers
 */
function isFromApi(answer, covers) {
  return !answer.redirected || covers(answer.url);
}
