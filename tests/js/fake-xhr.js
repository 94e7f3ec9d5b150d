// XMLHttpRequest as the standard has it, as far as the client uses it, with a function for a server.

globalThis.ProgressEvent ??= class ProgressEvent extends Event {};

const STATES = { UNSENT: 0, OPENED: 1, HEADERS_RECEIVED: 2, LOADING: 3, DONE: 4 };
const EVENTS = ["readystatechange", "loadstart", "progress", "load", "error", "abort", "timeout", "loadend"];

const invalidState = () => new DOMException("Not in this state.", "InvalidStateError");

/**
 * A class whose requests are answered by `answer(sent)`: `{ status, headers, body, url }`, a promise of it, or an Error
 * for a broken connection; `breaks: "error" | "timeout"` lets it break off after the headers. `sent` lists what
 * went out: `{ method, url, headers, body, withCredentials, timeout, responseType, isAsync, isAborted }`.
 */
export function fakeXMLHttpRequest(answer) {
  const sent = [];

  class FakeXMLHttpRequest extends EventTarget {
    responseType = "";
    withCredentials = false;
    timeout = 0;
    upload = new EventTarget();
    #handlers = new Map();
    #readyState = STATES.UNSENT;
    #opening = {};
    #headers = new Map();
    #isSent = false;
    #exchange = null;
    #reply = {};

    get readyState() {
      return this.#readyState;
    }

    get status() {
      return this.#reply.status ?? 0;
    }

    get responseURL() {
      return this.#reply.url ?? "";
    }

    get response() {
      const { body = "" } = this.#reply;
      return this.responseType === "json" ? JSON.parse(body || "null") : body;
    }

    get responseText() {
      return this.response;
    }

    getResponseHeader(name) {
      const { headers = {} } = this.#reply;
      return new Headers(headers).get(name);
    }

    /** The place of an on… handler among the listeners is that of its first setting. */
    setHandler(type, handler) {
      const call = (event) => this.#handlers.get(type)?.call(this, event);
      if (!this.#handlers.has(type)) this.addEventListener(type, call);
      this.#handlers.set(type, handler);
    }

    getHandler(type) {
      return this.#handlers.get(type) ?? null;
    }

    open(method, url, isAsync = true, user = null, password = null) {
      this.#exchange = null;
      this.#opening = { method: method.toUpperCase(), url: String(url), isAsync, user, password };
      this.#headers = new Map();
      this.#isSent = false;
      this.#reply = {};
      if (this.#readyState !== STATES.OPENED) this.#become(STATES.OPENED);
    }

    setRequestHeader(name, value) {
      if (this.#readyState !== STATES.OPENED || this.#isSent) throw invalidState();
      const key = name.toLowerCase();
      this.#headers.set(key, this.#headers.has(key) ? `${this.#headers.get(key)}, ${value}` : value);
    }

    send(body = null) {
      if (this.#readyState !== STATES.OPENED || this.#isSent) throw invalidState();
      this.#isSent = true;
      const { withCredentials, timeout, responseType } = this;
      const headers = Object.fromEntries(this.#headers);
      const exchange = { ...this.#opening, headers, body, withCredentials, timeout, responseType, isAborted: false };
      this.#exchange = exchange;
      sent.push(exchange);
      if (!exchange.isAsync) return this.#take(answer(exchange));
      this.#tell("loadstart");
      if (this.#exchange === exchange) this.#receive(exchange);
    }

    abort() {
      const isUnderWay = this.#isSent && [1, 2, 3].includes(this.#readyState);
      if (this.#exchange) this.#exchange.isAborted = true;
      this.#exchange = null;
      this.#isSent = false;
      if (isUnderWay) this.#fail("abort");
      if (this.#readyState === STATES.DONE) this.#readyState = STATES.UNSENT;
    }

    async #receive(exchange) {
      const isPast = () => this.#exchange !== exchange;
      const reply = await Promise.resolve(answer(exchange)).catch((error) => error);
      if (isPast()) return;
      if (reply instanceof Error) return this.#fail("error");
      this.#take(reply);
      this.#become(STATES.HEADERS_RECEIVED);
      await new Promise(setImmediate);
      if (isPast()) return;
      this.#become(STATES.LOADING);
      this.#tell("progress");
      await new Promise(setImmediate);
      if (isPast()) return;
      if (reply.breaks) return this.#fail(reply.breaks);
      this.#isSent = false;
      this.#become(STATES.DONE);
      this.#tell("load", "loadend");
    }

    #take({ status = 200, url = this.#opening.url, headers = {}, body = "{}" }) {
      this.#reply = { status, url, headers, body };
      if (!this.#opening.isAsync) this.#readyState = STATES.DONE;
    }

    #fail(type) {
      this.#isSent = false;
      this.#reply = {};
      this.#exchange = null;
      this.#become(STATES.DONE);
      this.#tell(type, "loadend");
    }

    #become(state) {
      this.#readyState = state;
      this.#tell("readystatechange");
    }

    #tell(...types) {
      for (const type of types) this.dispatchEvent(new Event(type));
    }
  }

  for (const [name, value] of Object.entries(STATES)) {
    Object.defineProperty(FakeXMLHttpRequest, name, { value });
    Object.defineProperty(FakeXMLHttpRequest.prototype, name, { value });
  }
  for (const type of EVENTS) {
    Object.defineProperty(FakeXMLHttpRequest.prototype, `on${type}`, {
      get() {
        return this.getHandler(type);
      },
      set(handler) {
        this.setHandler(type, handler);
      },
    });
  }
  return { XMLHttpRequest: FakeXMLHttpRequest, sent };
}

export { EVENTS };
