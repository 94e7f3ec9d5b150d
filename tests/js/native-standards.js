// What stands in for the web's standards on an engine without them, tried out by scenarios for native.test.js.

import { nameOf } from "./native-scenarios.js";

/** What is put in the place of the missing, by its behaviour. */
export async function standards(...given) {
  return { events: await events(...given), mistake: await mistake(), signals: await signals(), base64: await base64() };
}

/** Listeners of every kind. */
export async function events(evergreen, { AbortController: Original, fetch }) {
  const seen = [];
  const target = new EventTarget();
  const once = () => seen.push("once");
  const object = { handleEvent: ({ type }) => seen.push(`object ${type}`) };
  target.addEventListener("a", once, { once: true });
  target.addEventListener("a", once); // changes nothing
  target.addEventListener("a", object);
  target.addEventListener("a", object);
  target.addEventListener("a", null);
  target.addEventListener("a", function handler({ detail }) {
    seen.push(`function ${detail} ${this === target}`);
  });
  target.addEventListener("b", () => seen.push("of another type"));
  target.dispatchEvent(new CustomEvent("a", { detail: 7 }));
  target.removeEventListener("a", object);
  target.removeEventListener("c", object);
  target.dispatchEvent(new CustomEvent("a"));
  target.dispatchEvent(new CustomEvent("nobody listens"));
  await new Promise((resolve) => setTimeout(resolve, 5)); // for a mistake to be reported
  return { seen, isOriginal: AbortController === Original && globalThis.fetch === fetch };
}

/** A listener that throws: the others hear, and the mistake is reported like any other of the program. */
async function mistake() {
  const seen = [];
  process.once("uncaughtException", (error) => seen.push(`reported ${error.message}`));
  const target = new EventTarget();
  target.addEventListener("a", () => {
    throw new Error("mistake");
  });
  target.addEventListener("a", () => seen.push("heard"));
  seen.push(target.dispatchEvent(new CustomEvent("a")));
  await new Promise((resolve) => setTimeout(resolve, 20));
  return seen;
}

/** Signals: reasons, throwIfAborted, timeout and any. */
export async function signals() {
  const reasonOf = ({ reason }) => reason?.name ?? reason ?? null;
  const thrown = (signal) => {
    try {
      signal.throwIfAborted();
      return "nothing";
    } catch (error) {
      return error.name ?? error;
    }
  };
  const plain = new AbortController();
  const before = thrown(plain.signal);
  plain.abort();
  const own = new AbortController();
  own.abort("mine");
  own.abort("too late");
  const late = new AbortController();
  const pending = AbortSignal.any([late.signal, new AbortController().signal]);
  const wasAborted = pending.aborted;
  let events = 0;
  pending.addEventListener("abort", () => (events += 1));
  late.abort("late");
  const timeout = AbortSignal.timeout(5);
  await new Promise((resolve) => timeout.addEventListener("abort", resolve));
  return {
    before,
    plain: [reasonOf(plain.signal), thrown(plain.signal)],
    own: [reasonOf(own.signal), thrown(own.signal)],
    already: reasonOf(AbortSignal.any([new AbortController().signal, own.signal])),
    late: [wasAborted, pending.aborted, reasonOf(pending), events],
    timeout: [timeout.aborted, reasonOf(timeout)],
    none: AbortSignal.any([]).aborted,
  };
}

/** What atob makes of texts of every length: `wrong` lists those that it reads otherwise than Node would. */
async function base64() {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const wrong = [];
  for (let start = 0; start <= bytes.length; start += 1) {
    const part = bytes.subarray(start);
    const text = part.toString("base64");
    const read = [atob(text), atob(text.replaceAll("=", ""))];
    if (read.some((result) => result !== part.toString("latin1"))) wrong.push(text);
  }
  return { wrong, unknown: await nameOf((async () => atob("a-b_"))()) };
}
