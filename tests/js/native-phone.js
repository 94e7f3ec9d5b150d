// A program on a phone: makes this process as poor as React Native's engine, with the packages that React Native itself
// brings, and plays a scenario.

import { play } from "./native-play.js";
import { NodeXMLHttpRequest } from "./node-xhr.js";

const MISSING = [
  ["AbortController", "AbortSignal", "Event", "EventTarget", "CustomEvent", "MessageEvent", "DOMException"],
  ["BroadcastChannel", "MessageChannel", "navigator", "document", "localStorage"],
  ["ReadableStream", "WritableStream", "TransformStream", "TextDecoderStream", "CompressionStream"],
  ["fetch", "Request", "Response", "Headers", "WebSocket", "EventSource", "atob", "btoa"],
].flat();

for (const name of MISSING) delete globalThis[name];
const { AbortController, AbortSignal } = await import("abort-controller");
Object.assign(globalThis, { AbortController, AbortSignal, XMLHttpRequest: NodeXMLHttpRequest });
await import("whatwg-fetch");

await play();
