// Turns <time data-relative datetime="…"> into "30 Nov, 22:58, 2 hours ago" in the reader's own local time. What a
// title alone says, nobody learns by touch or by keyboard: it has the seconds and the time zone.

import { bothTimes } from "./relative-time.js";

const MINUTE_MS = 60_000;
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** @param {number} now Milliseconds since the epoch. */
export function renderTimes(now) {
  /** @type {NodeListOf<HTMLTimeElement>} */
  const times = document.querySelectorAll("time[data-relative]");
  for (const time of times) {
    const at = Date.parse(time.dateTime);
    if (Number.isNaN(at)) continue;
    time.textContent = bothTimes(at, now);
    time.title = absolute.format(at);
  }
}

renderTimes(Date.now());
setInterval(() => renderTimes(Date.now()), MINUTE_MS);
