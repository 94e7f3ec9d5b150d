// The live token page: the bundled client at work, everything it does made visible.

import { createAuth, TransientError } from "../evergreen/index.js";
import { isTooOld } from "./reach.js";
import { readClaims } from "./token-claims.js";
import { lifeOf } from "./token-life.js";
import { createLog, exchangeText, sourceText } from "./token-log.js";
import { watchTraffic } from "./token-traffic.js";
import { createView, part } from "./token-view.js";

/** @import { Exchange } from "./token-traffic.js" */

const SIGN_IN = { href: "/login?next=/account/tokens", label: "Sign in again" };
const SECOND_MS = 1000;

/** The page: listens to the buttons and to the client, and tells view and log. */
class TokenPage {
  #baseURL;
  #thresholdMs;
  #view;
  #log;
  #alert;
  #traffic;
  #auth;
  #counts = { answered: 0, renewed: 0, interrupted: 0 };
  #hasHadToken = false;
  #isOver = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#baseURL = root.dataset.baseUrl ?? "/api";
    this.#thresholdMs = Number(root.dataset.threshold) * SECOND_MS;
    this.#view = createView(root);
    this.#log = createLog(part(root, "log"), Date.now);
    this.#alert = part(root, "alert");
    this.#traffic = watchTraffic({
      fetch: globalThis.fetch.bind(globalThis),
      onExchange: (exchange) => this.#onExchange(exchange),
    });
    // Not before the end: on this page the answer to a call in the window shall bring the new token.
    this.#auth = createAuth({ baseURL: this.#baseURL, fetch: this.#traffic.fetch, refreshBefore: 0 });
    this.#auth.addEventListener("token", (event) => this.#onToken(event));
    this.#auth.addEventListener("signedout", () => this.#showSignedOut());
  }

  /** What the buttons do, by their data-action. */
  get actions() {
    return {
      call: () => this.#call(),
      "call-five": () => Promise.all(Array.from({ length: 5 }, () => this.#call())),
      refresh: () => this.#refresh(),
      break: () => this.#toggleBreak(),
    };
  }

  async start() {
    setInterval(() => this.#tick(), SECOND_MS);
    await this.#refresh(); // The client restores the session already: this shares its call.
  }

  async #call() {
    try {
      const reply = await this.#auth.fetch(`${this.#baseURL}/me`);
      if (reply.ok) this.#count("answered");
      else if (reply.status === 401 && !this.#isOver) this.#count("interrupted");
    } catch {
      // Already in the log, by the traffic; the token is still here.
    }
  }

  async #refresh() {
    try {
      await this.#auth.refresh();
    } catch (error) {
      if (!this.#auth.accessToken) this.#showNoToken(error);
    }
  }

  #toggleBreak() {
    const isArmed = !this.#traffic.isArmed;
    this.#traffic.isArmed = isArmed;
    this.#view.showArmed(isArmed);
    this.#log(isArmed ? "the next call carries a broken token" : "the next call carries the token as it is", "warn");
  }

  /** @param {Exchange} exchange */
  #onExchange(exchange) {
    this.#log(...exchangeText(exchange));
    if (exchange.isHealed) this.#log("401 healed: refreshed and retried", "good");
    if (exchange.isDamaged) this.#view.showArmed(false);
  }

  /** @param {Event} event */
  #onToken(event) {
    const { source } = /** @type {CustomEvent<{source: string}>} */ (event).detail;
    this.#log(sourceText(source), "good");
    if (this.#hasHadToken) this.#count("renewed");
    this.#hasHadToken = true;
    this.#isOver = false;
    this.#alert.replaceChildren();
    this.#view.showClaims(readClaims(this.#auth.accessToken));
    this.#view.enable(() => true);
    this.#tick();
  }

  #tick() {
    const { accessToken, expiresAt } = this.#auth;
    const claims = readClaims(accessToken);
    if (!claims || expiresAt === null) return;
    const lifeMs = (claims.exp - claims.iat) * SECOND_MS;
    this.#view.showLife(lifeOf({ expiresAt, lifeMs, thresholdMs: this.#thresholdMs }, Date.now()));
  }

  /**
   * No token came: either the session is over, or nobody could say so, and then it lives on.
   * @param {unknown} error the client's
   */
  #showNoToken(error) {
    if (!(error instanceof TransientError)) return this.#showSignedOut();
    this.#view.showNoLife("offline");
    this.#view.enable((action) => action === "refresh");
  }

  #showSignedOut() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#traffic.isArmed = false;
    this.#view.showArmed(false);
    this.#view.enable(() => false);
    this.#view.showNoLife("signed-out");
    this.#view.alert("You are signed out. Your access token is worth nothing any more.", SIGN_IN);
    this.#log("signed out", "bad");
  }

  /** @param {"answered" | "renewed" | "interrupted"} name */
  #count(name) {
    this.#counts[name] += 1;
    this.#view.showCount(name, this.#counts[name]);
  }
}

/** @type {HTMLElement | null} */
const root = document.querySelector('[data-live][data-refresh-enabled="true"]');
if (root && isTooOld()) createView(root).showNoLife("too-old");
else if (root) {
  const page = new TokenPage(root);
  for (const [name, act] of Object.entries(page.actions)) {
    root.querySelector(`[data-action="${name}"]`)?.addEventListener("click", act);
  }
  await page.start();
}
