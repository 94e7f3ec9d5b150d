// The log of the token page: newest first, with the time of day.

/** @import { Exchange } from "./token-traffic.js" */
/** @typedef {"plain" | "good" | "warn" | "bad"} Tone */

const LIMIT = 100;

/**
 * @param {HTMLElement} list
 * @param {() => number} now Milliseconds since the epoch.
 */
export function createLog(list, now) {
  /** @param {string} text  @param {Tone} [tone] */
  return function log(text, tone = "plain") {
    const at = new Date(now());
    const entry = document.createElement("li");
    const time = document.createElement("time");
    const words = document.createElement("span");
    entry.className = `log-entry log-${tone}`;
    time.dateTime = at.toISOString();
    time.textContent = at.toTimeString().slice(0, 8);
    words.textContent = text;
    entry.append(time, words);
    list.prepend(entry);
    while (list.children.length > LIMIT) list.lastElementChild?.remove();
  };
}

/**
 * An exchange in words: "sent GET /api/me → 200".
 *
 * @param {Exchange} exchange
 * @returns {[text: string, tone: Tone]}
 */
export function exchangeText({ method, path, status, isDamaged, hasNewToken }) {
  const what = isDamaged ? `${method} ${path} with a broken token` : `${method} ${path}`;
  if (status === null) return [`sent ${what} → no answer. Nothing is lost: try again`, "bad"];
  const tail = hasNewToken ? `${status}, with X-New-Token` : `${status}`;
  return [`sent ${what} → ${tail}`, status < 400 ? "plain" : "warn"];
}

/** @type {Record<string, string>} What the client's "token" event says about where a token came from. */
const SOURCES = {
  login: "signed in",
  refresh: "refreshed by cookie",
  header: "X-New-Token adopted",
  tab: "another tab's new token adopted",
};

/**
 * @param {string} source
 * @returns {string}
 */
export function sourceText(source) {
  return SOURCES[source] ?? `new access token (${source})`;
}
