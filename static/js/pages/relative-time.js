// Words for an instant, seen from another one. Pure: no clock, no document.

/** @type {[Intl.RelativeTimeFormatUnit, number][]} Unit and its length in seconds, longest first. */
const UNITS = [
  ["year", 31_556_952],
  ["month", 2_629_746],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/**
 * "2 hours ago", "in 30 days", "just now" (less than a minute ago). Whole units, cut off after what is left of a minute
 * has counted as passed: a month's session that has just begun ends "in 30 days". Never "yesterday", which 47 hours
 * need not be.
 *
 * @param {number} at Milliseconds since the epoch.
 * @param {number} now Likewise.
 * @param {string} [locale]
 * @returns {string}
 */
export function relativeTime(at, now, locale = "en") {
  const seconds = Math.ceil((at - now) / 60_000) * 60;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  for (const [unit, length] of UNITS) {
    const count = Math.trunc(seconds / length);
    if (count !== 0) return format.format(count, unit);
  }
  return "just now";
}

/**
 * "30 Nov, 22:58, 2 hours ago": the reader's own local time, with the year if it is another one than now; and what that
 * means.
 *
 * @param {number} at Milliseconds since the epoch.
 * @param {number} now Likewise.
 * @param {string} [locale] the reader's, for the first part
 * @returns {string}
 */
export function bothTimes(at, now, locale) {
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  const exact = new Intl.DateTimeFormat(locale, {
    ...{ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    year: isThisYear ? undefined : "numeric",
  });
  // A narrow column breaks the line between the two.
  return `${exact.format(at)}, ${relativeTime(at, now).replaceAll(" ", "\u00a0")}`;
}
