// A program on an engine of a few years ago: signals have reasons, and cannot be joined, as in Safari before 17.4; there
// are events, and no CustomEvent, as in Node 18.

import { play } from "./native-play.js";

delete AbortSignal.any;
delete globalThis.CustomEvent;
setInterval(() => {}, 1000); // AbortSignal.timeout keeps no program from ending; in a page nothing has to.
await play();
