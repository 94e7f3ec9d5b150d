// The parts of the token page that show something. Knows the document, not the client.

import { clockText, lifeText } from "./token-life.js";
import { shortId } from "./token-claims.js";

/** @import { Claims } from "./token-claims.js" */
/** @import { Life, Phase } from "./token-life.js" */
/** @typedef {Phase | "signed-out" | "offline" | "too-old"} State */

/** @type {Record<State, [badge: string, tone: string, hint: string]>} */
const STATES = {
  fresh: ["Fresh", "badge-good", "Calls leave it as it is."],
  window: ["Renewal window", "badge-warn", "The next call brings a new token."],
  expired: ["Expired", "badge-bad", "The next call fetches a new token first."],
  "signed-out": ["Signed out", "badge-bad", "There is no token any more."],
  offline: ["No answer", "badge-bad", "You are still signed in; try again below."],
  "too-old": ["Not here", "badge-warn", "This needs a newer browser; everything else works in this one."],
};

const HALF_DAY_MS = 43_200_000;
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

/** @param {HTMLElement} root */
export function createView(root) {
  const lifeline = part(root, "lifeline");
  /** @type {NodeListOf<HTMLButtonElement>} */
  const buttons = root.querySelectorAll("button[data-action]");

  /** @param {State} state */
  function showState(state) {
    const [text, tone, hint] = STATES[state];
    const badge = part(root, "phase");
    badge.className = `badge ${tone}`;
    write(badge, text);
    write(part(root, "phase-hint"), hint);
  }

  return {
    showState,

    /** @param {Life} life */
    showLife(life) {
      const instant = life.expiresAt - life.issuedAt > HALF_DAY_MS ? dayAndTime : timeOfDay;
      showState(life.phase);
      write(part(root, "countdown"), clockText(life.leftMs));
      write(part(root, "issued"), instant.format(life.issuedAt));
      write(part(root, "renewed-from"), instant.format(life.renewedFrom));
      write(part(root, "expires"), instant.format(life.expiresAt));
      lifeline.classList.remove("lifeline-waiting");
      lifeline.style.setProperty("--now", `${life.now}%`);
      lifeline.style.setProperty("--threshold", `${life.threshold}%`);
      if (lifeline.ariaLabel !== lifeText(life)) lifeline.ariaLabel = lifeText(life);
    },

    /** @param {State} state Why there is no token. */
    showNoLife(state) {
      showState(state);
      for (const name of ["issued", "renewed-from", "expires"]) write(part(root, name), "–");
      write(part(root, "countdown"), "No token");
      lifeline.classList.add("lifeline-waiting");
      lifeline.style.removeProperty("--now");
      lifeline.ariaLabel = "Life line: there is no token";
      this.showClaims(null);
    },

    /** @param {Claims | null} claims */
    showClaims(claims) {
      /** @type {Record<string, string>} */
      const texts = claims
        ? {
            iat: String(claims.iat),
            exp: String(claims.exp),
            sid: shortId(claims.sid),
            rgen: claims.rgen === undefined ? "not in this token" : String(claims.rgen),
          }
        : {};
      for (const place of root.querySelectorAll("[data-claim]")) {
        const claim = /** @type {HTMLElement} */ (place).dataset.claim ?? "";
        write(place, texts[claim] ?? "–");
      }
    },

    /** @param {(action: string) => boolean} isEnabled */
    enable(isEnabled) {
      for (const button of buttons) button.disabled = !isEnabled(button.dataset.action ?? "");
    },

    /** @param {boolean} isArmed */
    showArmed(isArmed) {
      const button = root.querySelector('[data-action="break"]');
      button?.setAttribute("aria-pressed", String(isArmed));
    },

    /** @param {string} name  @param {number} count */
    showCount(name, count) {
      const place = root.querySelector(`[data-count="${name}"]`);
      if (place) write(place, String(count));
    },

    /** @param {string} text  @param {{href: string, label: string}} link */
    alert(text, link) {
      const line = document.createElement("p");
      const anchor = document.createElement("a");
      line.className = "notice notice-danger";
      anchor.href = link.href;
      anchor.textContent = link.label;
      line.append(`${text} `, anchor);
      part(root, "alert").replaceChildren(line);
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {string} name
 * @returns {HTMLElement}
 */
export function part(root, name) {
  const element = root.querySelector(`[data-part="${name}"]`);
  if (!(element instanceof HTMLElement)) throw new Error(`The page has no part "${name}"`);
  return element;
}

/**
 * Writes only what changed: live regions stay quiet, and a selection survives.
 *
 * @param {Element} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
