/**
 * An `application/problem+json` body (RFC 9457).
 * @typedef {{ type?: string, title?: string, status?: number, detail?: string, code?: string,
 *   errors?: Record<string, string[]> }} Problem
 *
 * The answer that was not wanted, if there was one.
 * @typedef {object} Refusal
 * @property {number} [status] HTTP status
 * @property {{ get: (name: string) => string | null }} [headers]
 * @property {Problem | null} [body] null if it was not JSON
 */

/** Every failure that the client itself reports. */
export class AuthError extends Error {
  /**
   * @param {Refusal} refusal
   * @param {string} [message] else the problem's, or the status
   * @param {unknown} [cause]
   */
  constructor({ status, headers, body: problem }, message, cause) {
    super(message ?? problem?.detail ?? `Status ${status}.`, { cause });
    this.status = status;
    this.problem = problem;
    /** The problem's stable code, such as `invalid_credentials` or `mfa_required`. */
    this.code = problem?.code;
    /** Seconds to wait, from `Retry-After`. */
    this.retryAfter = Number(headers?.get("Retry-After")) || undefined;
  }
}

/** The server refused a sign-in; `status`, `code` and `problem` say why, `retryAfter` when to try again. */
export class SignInError extends AuthError {
  name = "SignInError";
}

/** The session is over, or nobody is signed in. */
export class SessionEndedError extends AuthError {
  name = "SessionEndedError";
}

/** There is no way to refresh: the session lives as long as its access token. */
export class RefreshUnavailableError extends AuthError {
  name = "RefreshUnavailableError";
}

/** Network, storage or server failed in passing. Nothing was lost and nobody was signed out: try again later. */
export class TransientError extends AuthError {
  name = "TransientError";
}
