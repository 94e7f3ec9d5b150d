// Time that the test lets pass: one for the clock and for every timer.

import { settle } from "./harness.js";

/** More timers than this at one stretch are a loop. */
const MOST_TIMERS = 20_000;

/**
 * One time for the clock and the timers. Timers go off in their order while the test lets time pass, never by
 * themselves; `delays` lists how long they were set for. `AbortSignal.timeout` follows, too.
 */
export function fakeTime(t, ms = 50_000_000_000) {
  const timers = new Set();
  const delays = [];
  let references = 0;
  function setTimer(callback, delay = 0) {
    delays.push(delay);
    references += 1;
    // As in browsers and in Node: what is not a number, or too much, is no delay at all.
    const timer = { at: ms + (delay >= 1 && delay < 2 ** 31 ? delay : 1), callback };
    timer.unref = () => {
      references -= timer.unref.isDone ? 0 : 1;
      timer.unref.isDone = true;
    };
    timers.add(timer);
    return timer;
  }
  t.mock.method(globalThis, "setTimeout", setTimer);
  t.mock.method(globalThis, "clearTimeout", (timer) => timers.delete(timer));
  t.mock.method(AbortSignal, "timeout", (delay) => {
    const controller = new AbortController();
    setTimer(() => controller.abort(new DOMException("The operation timed out.", "TimeoutError")), delay).unref();
    delays.pop(); // It is nobody's timer but the platform's.
    return controller.signal;
  });

  const next = (end) =>
    [...timers].filter(({ at }) => at <= end).reduce((first, timer) => (first?.at <= timer.at ? first : timer), null);

  /** Let seconds pass, and everything happen that is due in them. */
  async function pass(seconds) {
    const end = ms + seconds * 1000;
    await calm();
    for (let count = 0, timer = next(end); timer; timer = next(end)) {
      count += 1;
      if (count > MOST_TIMERS) throw new Error("The timers go round and round.");
      ms = Math.max(ms, timer.at);
      timers.delete(timer);
      timer.callback();
      await calm();
    }
    ms = end;
    await calm();
  }

  return {
    now: () => ms,
    pass,
    delays,
    /** Timers that would keep a program from ending. */
    referenced: () => references,
    /** The clock jumps while the timers stand still: the machine sleeps, or somebody sets the clock. */
    jump(seconds) {
      ms += seconds * 1000;
      for (const timer of timers) timer.at += seconds * 1000;
    },
    /** Let time pass in small steps until a promise is settled, a minute at most. */
    async until(promise) {
      let isSettled = false;
      const mark = () => (isSettled = true);
      promise.then(mark, mark);
      await calm();
      for (let step = 0; !isSettled && step < 6000; step += 1) await pass(0.01);
      if (!isSettled) throw new Error("It takes more than a minute.");
      return promise;
    },
  };
}

/** Several turns: a body is read, a message arrives, the next lock is granted. */
export async function calm() {
  for (let turn = 0; turn < 4; turn += 1) await settle();
}
