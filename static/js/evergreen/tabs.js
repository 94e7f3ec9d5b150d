/** @import { User } from "./api.js" */

/**
 * What tabs of one browser tell each other: the end of a session, or a new access token.
 * @typedef {{ ended: string, reason: "logout" | "ended" } | News} Message `ended`: its `sid`
 *
 * @typedef {object} News
 * @property {string} token
 * @property {number} expiresAt its end: ms of the local clock
 * @property {User | null} user whose it is
 * @property {string} source where it came from
 * @property {undefined} [ended]
 *
 * @typedef {Pick<LockManager, "request">} Locks
 * @typedef {typeof globalThis.BroadcastChannel} Channel
 */

/** How long to wait for another tab's refresh. After that both go on: the server copes with refreshes at once. */
const PATIENCE_MS = 2000;
/** How long to keep the lock after the work is done, so that whoever gets it next has heard of the result. */
const LINGER_MS = 100;

/**
 * Join the tabs of this browser that use the same API: one of them refreshes, the others hear the result.
 * Without locks each refreshes for itself; without a channel nobody hears of it. Both work.
 *
 * @param {string} name the same in all tabs that belong together
 * @param {(message: Message) => void} hear
 * @param {Locks | null} [locks]
 * @param {Channel | null} [BroadcastChannel]
 */
export function joinTabs(name, hear, locks, BroadcastChannel) {
  /** @type {BroadcastChannel | undefined} */
  let channel;
  try {
    channel = new /** @type {Channel} */ (BroadcastChannel)(name);
    channel.onmessage = ({ data }) => hear(data ?? {});
  } catch {
    // There is none, or it may not be used: Firefox forbids it where the user has blocked cookies.
  }
  return {
    /** @param {Message} message */
    tell: (message) => channel?.postMessage(message),

    /**
     * Run `work` while no other tab runs its own, if that can be had without a long wait.
     *
     * @template T
     * @param {() => Promise<T>} work runs once in any case
     */
    async alone(work) {
      /** @type {Promise<T> | undefined} */
      let result;
      const begin = () => (result ??= work());
      /** Rejects when the wait was too long, and in documents that may have no locks. */
      const hold = async (/** @type {(lock: unknown) => void} */ granted) =>
        locks?.request(name, { signal: AbortSignal.timeout(PATIENCE_MS) }, async (lock) => {
          granted(lock);
          await begin().catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
        });
      if (locks) await new Promise((granted) => hold(granted).catch(granted));
      return begin();
    },
  };
}
