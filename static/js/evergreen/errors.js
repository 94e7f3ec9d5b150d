/**
 * An `application/problem+json` body (RFC 9457).
 * @typedef {{ type?: string, title?: string, status?: number, detail?: string, code?: string,
 *   errors?: Record<string, string[]> }} Problem
 *
 * @typedef {object} ErrorDetails
 * @property {number} [status] HTTP status of the answer; absent if there was none
 * @property {Problem | null} [problem] body of the answer; null if it was not JSON
 * @property {number} [retryAfter] seconds to wait, from `Retry-After`
 * @property {unknown} [cause]
 */

/** Every failure that the client itself reports. */
export class AuthError extends Error {
  /**
   * @param {string} message
   * @param {ErrorDetails} [details]
   */
  constructor(message, { status, problem = null, retryAfter, cause } = {}) {
    super(message, { cause });
    this.name = new.target.name;
    this.status = status;
    this.problem = problem;
    /** The problem's stable code, such as `invalid_credentials` or `mfa_required`. */
    this.code = problem?.code;
    this.retryAfter = retryAfter;
  }
}

/** The server refused a sign-in; `status`, `code` and `problem` say why, `retryAfter` when to try again. */
export class SignInError extends AuthError {}

/** The session is over, or nobody is signed in. */
export class SessionEndedError extends AuthError {}

/** There is no way to refresh: the session lives as long as its access token. */
export class RefreshUnavailableError extends AuthError {}

/** Network, storage or server failed in passing. Nothing was lost and nobody was signed out: try again later. */
export class TransientError extends AuthError {}

/**
 * @template {AuthError} E
 * @param {new (message: string, details: ErrorDetails) => E} ErrorClass
 * @param {Response} response an answer that is not 2xx; its body is read
 * @returns {Promise<E>}
 */
export async function errorFrom(ErrorClass, response) {
  /** @type {Problem | null} */
  const problem = await response.json().catch(() => null);
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ErrorClass(problem?.detail ?? problem?.title ?? `The server answered ${response.status}.`, {
    status: response.status,
    problem,
    retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
  });
}
