// A program on an engine of a few years ago, such as Safari before 17.4: signals have reasons, and cannot be joined.

import { play } from "./native-play.js";

delete AbortSignal.any;
setInterval(() => {}, 1000); // AbortSignal.timeout keeps no program from ending; in a page nothing has to.
await play();
