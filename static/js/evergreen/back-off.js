const FIRST_S = 0.5;
const LONGEST_S = 60;
const LONGEST_RETRY_AFTER_S = 3600;

/** @typedef {Error & { status?: number, retryAfter?: number }} Failure */

/**
 * After a failure, how long to leave the server in peace: as it asks by `Retry-After`, else longer each time.
 * @param {() => number} now the local clock in ms
 */
export function createBackOff(now) {
  let failures = 0;
  let delay = 0; // whole ms: what is left must never seem to be more
  let until = 0;
  return {
    /** @type {Failure | null} the last one */
    error: null,

    /** How many ms to wait still; none if not above 0. */
    left() {
      const left = until - now();
      // More than there ever was to wait: the clock was set back.
      return left > delay ? 0 : left;
    },

    /** @param {Failure} error */
    add(error) {
      const wait = Math.min(error.retryAfter ?? Math.min(FIRST_S * 2 ** failures, LONGEST_S), LONGEST_RETRY_AFTER_S);
      // Never earlier than asked for, and not at the same moment as everybody else.
      delay = Math.ceil(wait * (1000 + Math.random() * 500));
      until = now() + delay;
      failures += 1;
      this.error = error;
    },

    clear() {
      this.error = null;
      failures = until = 0;
    },
  };
}

/** @typedef {ReturnType<typeof createBackOff>} BackOff */
