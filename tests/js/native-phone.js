// A program on a phone: makes this process as poor as React Native's engine, with the packages that React Native itself
// brings, and prints as JSON what came of the scenario that its arguments name.

import { NodeXMLHttpRequest } from "./node-xhr.js";

const MISSING = [
  ["AbortController", "AbortSignal", "Event", "EventTarget", "CustomEvent", "MessageEvent", "DOMException"],
  ["BroadcastChannel", "MessageChannel", "navigator", "document", "localStorage"],
  ["ReadableStream", "WritableStream", "TransformStream", "TextDecoderStream", "CompressionStream"],
  ["fetch", "Request", "Response", "Headers", "WebSocket", "EventSource"],
].flat();

for (const name of MISSING) delete globalThis[name];
const { AbortController, AbortSignal } = await import("abort-controller");
Object.assign(globalThis, { AbortController, AbortSignal, XMLHttpRequest: NodeXMLHttpRequest });
await import("whatwg-fetch");

const [scenario, ...args] = process.argv.slice(2);
const before = { AbortController, fetch: globalThis.fetch };
const evergreen = await import("../../static/js/evergreen/native.js");
const scenarios = await import("./native-scenarios.js");
console.log(JSON.stringify(await scenarios[scenario](evergreen, { ...before, args })));
process.exit(); // Timers on a phone keep no program from ending; here they would.
