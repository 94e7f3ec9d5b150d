/**
 * React Native's `AppState`, as far as it is needed.
 * @typedef {object} AppState
 * @property {(type: "change", handler: (state: string) => void) => unknown} addEventListener
 */

/** With a longer delay a timer goes off at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Rings at a given time, and whenever the page or the app comes back to life: timers stand still while a machine
 * sleeps. An app on a phone gets no timer, which would cost battery; there it is enough to look when it is opened.
 *
 * @param {(event?: { type: string }) => void} ring
 * @param {AppState} [appState]
 * @returns {(delay: number) => void} sets the alarm to ms from now; the last call counts
 */
export function setUpAlarm(ring, appState) {
  if (appState) {
    appState.addEventListener("change", (state) => {
      // The phone does not say when its network is back. When the app is opened, it may be.
      if (state === "active") ring({ type: "online" });
    });
    return () => {};
  }
  if (globalThis.document) {
    // pageshow: out of the back/forward cache.
    for (const type of ["visibilitychange", "online", "pageshow"]) addEventListener(type, ring);
  }
  /** @type {ReturnType<typeof setTimeout> & { unref?: () => void } | undefined} */
  let timer;
  return (delay) => {
    clearTimeout(timer);
    timer = setTimeout(ring, Math.min(delay, LONGEST_MS));
    timer.unref?.(); // A program may end though its session goes on.
  };
}
