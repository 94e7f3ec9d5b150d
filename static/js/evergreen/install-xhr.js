import { isChallenge } from "./api.js";
import { absolute } from "./base-url.js";
import { TransientError } from "./errors.js";

/** @import { Answer, Attempt } from "./attempt.js" */
/** @import { Auth } from "./auth.js" */

/**
 * A request from `open` to its last event.
 * @typedef {object} Call
 * @property {[method: string, url: string | URL, isAsync: true, user?: string | null, password?: string | null]} opening
 * @property {[name: string, value: string][]} headers
 * @property {XMLHttpRequestBodyInit | Document | null} [body]
 * @property {Attempt} [attempt]
 * @property {boolean} [isSecond]
 * @property {"open" | "waiting" | "sent" | "refused" | "done" | "failed"} state `waiting`: for a token; `refused`: what
 *   comes in is kept from the caller, until it is known what follows; `failed`: it was refused, and a refresh failed
 */

const EVENTS = ["loadstart", "readystatechange", "progress", "load", "loadend"];

/**
 * Let every asynchronous XMLHttpRequest to the API carry the access token, adopt `X-New-Token`, and be sent once more
 * after a refusal, of which the caller sees nothing but that the events of `upload` come twice. For code that cannot be
 * moved to fetch, and for libraries.
 *
 * Where Event or ProgressEvent are missing, as in React Native, it needs `native.js`.
 *
 * @param {Auth} auth
 * @param {{ XMLHttpRequest: typeof XMLHttpRequest }} [scope] whose XMLHttpRequest is replaced; the page's by default
 * @returns {() => void} undoes it for requests opened from then on. If somebody has replaced XMLHttpRequest since, theirs
 *   stays and ours lets everything pass
 */
export function installXMLHttpRequest(auth, scope = globalThis) {
  const Original = scope.XMLHttpRequest;
  let isInstalled = true;

  class AuthorizedXMLHttpRequest extends Original {
    /** @type {Call | null} null: not for the API, or the caller's own affair */
    #call = null;

    constructor() {
      super();
      // First in line, so that what the caller must not see can be stopped here.
      for (const type of EVENTS) this.addEventListener(type, (event) => this.#screen(event));
    }

    /**
     * @param {string} method
     * @param {string | URL} url
     * @param {boolean} [isAsync]
     * @param {string | null} [user]
     * @param {string | null} [password]
     */
    open(method, url, isAsync = true, user, password) {
      if (this.#call?.state === "failed" && "readyState" in Original.prototype) Reflect.deleteProperty(this, "readyState");
      const isOurs = isInstalled && isAsync && auth.covers(url);
      this.#call = isOurs
        ? { opening: [method, absolute(url), true, user, password], headers: [], state: "open" }
        : null;
      super.open(method, url, isAsync, user, password);
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    setRequestHeader(name, value) {
      this.#refuseUnlessOpen();
      super.setRequestHeader(name, value);
      if (/^authorization$/i.test(name)) this.#call = null;
      this.#call?.headers.push([name, value]);
    }

    /** @param {XMLHttpRequestBodyInit | Document | null} [body] */
    send(body) {
      this.#refuseUnlessOpen();
      const call = this.#call;
      if (!call) return super.send(body);
      call.body = body;
      call.state = "waiting";
      auth.begin().then((attempt) => {
        call.attempt = attempt;
        this.#transmit(call);
      });
    }

    abort() {
      const { state } = this.#call ?? {};
      if (state === "failed") return;
      // Between two tries nothing is on its way, and nobody else would tell the caller.
      const isIdle = state === "waiting" || (state === "refused" && this.readyState === this.DONE);
      this.#call = null;
      super.abort();
      if (isIdle) this.#tell("abort", "loadend");
    }

    /** @param {Call} call */
    #transmit(call) {
      if (this.#call !== call) return; // aborted, or opened anew
      if (call.attempt?.token) super.setRequestHeader("Authorization", `Bearer ${call.attempt.token}`);
      call.state = "sent";
      super.send(call.body);
    }

    /** @param {Event} event */
    #screen(event) {
      const call = this.#call;
      const { attempt } = call ?? {};
      // The connection broke off: there is no answer any more.
      if (call?.state === "refused" && this.readyState === this.DONE && this.status === 0) call.state = "done";
      if (!call || !attempt || ["done", "failed"].includes(call.state)) return;
      if (this.#isRefusal(call, attempt)) call.state = "refused";
      if (call.state === "refused" || (call.isSecond && event.type === "loadstart")) event.stopImmediatePropagation();
      if (event.type !== "loadend") return;
      if (call.state === "refused") return this.#settle(call, attempt);
      call.state = "done";
      attempt.settle(this.#answer);
    }

    /**
     * @param {Call} call
     * @param {Attempt} attempt
     */
    #isRefusal(call, attempt) {
      if (call.state !== "sent" || call.isSecond) return false;
      const answer = this.#answer;
      return auth.covers(answer.url) && isChallenge(answer, attempt.token);
    }

    /**
     * Send a refused call once more, or let the caller see that it was refused.
     *
     * @param {Call} call
     * @param {Attempt} attempt
     */
    async #settle(call, attempt) {
      let isFailure = false;
      const token = await attempt.settle(this.#answer).catch((error) => {
        if (!(error instanceof TransientError)) throw error;
        isFailure = true;
      });
      if (this.#call !== call) return; // aborted meanwhile, or opened anew
      if (token) return this.#repeat(call);
      if (isFailure) return this.#fail(call);
      call.state = "done";
      this.#tell("readystatechange", "load", "loadend");
    }

    /**
     * To the caller it is a network error, which has no status and no answer. One that was opened anew has none either,
     * but for its state. That is told by a property and not by a getter: where the original is written in JavaScript it
     * may set its own.
     * @param {Call} call
     */
    #fail(call) {
      super.open(...call.opening);
      call.state = "failed";
      Object.defineProperty(this, "readyState", { value: this.DONE, writable: true, configurable: true });
      this.#tell("readystatechange", "error", "loadend");
    }

    /** @param {Call} call */
    #repeat(call) {
      call.isSecond = true;
      super.open(...call.opening);
      for (const header of call.headers) super.setRequestHeader(...header);
      this.#transmit(call);
    }

    /** @returns {Answer} */
    get #answer() {
      const { status, responseURL: url } = this;
      return { status, url, headers: { get: (name) => this.getResponseHeader(name) } };
    }

    #refuseUnlessOpen() {
      if (!this.#call || this.#call.state === "open") return;
      throw new DOMException("The request has been sent already.", "InvalidStateError");
    }

    /** @param {string[]} types of events */
    #tell(...types) {
      for (const type of types) {
        this.dispatchEvent(type === "readystatechange" ? new Event(type) : new ProgressEvent(type));
      }
    }
  }

  scope.XMLHttpRequest = AuthorizedXMLHttpRequest;
  return () => {
    isInstalled = false;
    if (scope.XMLHttpRequest === AuthorizedXMLHttpRequest) scope.XMLHttpRequest = Original;
  };
}
