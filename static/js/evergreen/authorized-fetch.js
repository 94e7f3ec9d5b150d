import { untilAborted } from "./abort.js";
import { TransientError } from "./errors.js";
import { sendOwn } from "./own-requests.js";

/** @import { Attempt } from "./attempt.js" */
/** @import { Fetch } from "./own-requests.js" */

/**
 * Send a request to the API with the access token, and once more with another one if the first was refused.
 *
 * @param {Request} request without an Authorization header
 * @param {Promise<Attempt>} beginning
 * @param {unknown} isOneShot truthy if its body is a stream that the caller brought: it can be sent only once
 * @param {Fetch} fetch
 * @param {RequestInit} rest see `sendOwn`
 * @returns {Promise<Response>} see `Attempt.settle`
 * @throws {TransientError} if a refresh failed in passing, or the body would have to be sent again and cannot
 */
export async function authorizedFetch(request, beginning, isOneShot, fetch, rest) {
  const { signal } = request;
  const attempt = await untilAborted(beginning, signal);
  const exchange = (/** @type {Request} */ own) => {
    if (attempt.token) own.headers.set("Authorization", `Bearer ${attempt.token}`);
    return sendOwn(fetch, own, rest);
  };
  // A clone goes first, so that the body can be sent again. Not of a stream: all of it would be kept in memory,
  // as Node keeps a Blob.
  let answer = await exchange(isOneShot ? request : request.clone());
  if (await untilAborted(attempt.settle(answer), signal)) {
    // Not waited for: it ends when every copy of the answer is read, and fails if the connection broke.
    answer.body?.cancel().catch(() => {});
    if (isOneShot) throw new TransientError({}, "Stream was sent.");
    answer = await exchange(request);
    await attempt.settle(answer);
  }
  return answer;
}
