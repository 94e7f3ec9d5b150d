/**
 * Web standards that the client uses and React Native's JavaScript engine, or an older browser, may lack. Only what is
 * missing is added.
 */

/** DOM: EventTarget, as far as one object without parents needs it. */
class PlainEventTarget {
  /** @type {Map<string, Map<any, boolean>>} */
  #handlers = new Map();

  /**
   * @param {string} type
   * @param {any} handler
   * @param {{ once?: boolean }} [options]
   */
  addEventListener(type, handler, options) {
    if (!handler) return;
    const handlers = this.#handlers.get(type) ?? new Map();
    this.#handlers.set(type, handlers);
    if (!handlers.has(handler)) handlers.set(handler, Boolean(options?.once));
  }

  /**
   * @param {string} type
   * @param {any} handler
   */
  removeEventListener(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  /** @param {{ type: string }} event */
  dispatchEvent(event) {
    for (const [handler, isOnce] of [...(this.#handlers.get(event.type) ?? [])]) {
      if (isOnce) this.removeEventListener(event.type, handler);
      try {
        if (typeof handler === "function") handler.call(this, event);
        else handler.handleEvent(event);
      } catch (error) {
        // As in a browser: one listener's mistake is reported, and does not keep others from hearing.
        setTimeout(() => {
          throw error;
        });
      }
    }
    return true;
  }
}

/** DOM: Event, as far as PlainEventTarget needs it. React Native's XMLHttpRequest takes any object with a type, too. */
class PlainEvent {
  /** @param {string} type */
  constructor(type) {
    this.type = type;
  }
}

/**
 * DOM: CustomEvent.
 * @param {new (type: string) => object} Event the engine's own if it has one: its EventTarget takes no others
 */
function customEvent(Event) {
  return class CustomEvent extends Event {
    /**
     * @param {string} type
     * @param {{ detail?: unknown }} [options]
     */
    constructor(type, { detail = null } = {}) {
      super(type);
      this.detail = detail;
    }
  };
}

/** @param {string} name @param {string} message */
function namedError(name, message) {
  return Object.assign(new Error(message), { name });
}

/** DOM: what React Native's `abort-controller` package does not know, and older browsers do in part. */
function completeAbortSignal() {
  const { AbortController, AbortSignal } = globalThis;
  if (!("reason" in AbortSignal.prototype)) giveReasons(AbortController);
  AbortSignal.prototype.throwIfAborted ??= function throwIfAborted() {
    if (this.aborted) throw this.reason;
  };
  AbortSignal.timeout ??= (delay) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(namedError("TimeoutError", "The operation timed out.")), delay);
    return controller.signal;
  };
  AbortSignal.any ??= (signals) => {
    const controller = new AbortController();
    for (const signal of signals) {
      const follow = () => controller.abort(signal.reason);
      if (signal.aborted) follow();
      else signal.addEventListener("abort", follow);
    }
    return controller.signal;
  };
}

/**
 * Where signals have reasons of their own, those cannot be written.
 * @param {typeof globalThis.AbortController} AbortController
 */
function giveReasons(AbortController) {
  const controllers = /** @type {any} */ (AbortController.prototype);
  const { abort } = controllers;
  controllers.abort = function abortWithReason(reason = namedError("AbortError", "The operation was aborted.")) {
    if (!this.signal.aborted) this.signal.reason = reason;
    abort.call(this);
  };
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * HTML: atob. Hermes has it from React Native 0.74 on.
 *
 * @param {string} text base64, with or without its padding
 * @returns {string} a character for each byte
 */
function plainAtob(text) {
  let bytes = "";
  let bits = 0;
  let count = 0;
  for (const digit of text.replace(/[\s=]/g, "")) {
    const value = BASE64.indexOf(digit);
    if (value < 0) throw namedError("InvalidCharacterError", "This is not base64.");
    bits = (bits << 6) | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += String.fromCharCode((bits >> count) & 255);
  }
  return bytes;
}

const scope = /** @type {any} */ (globalThis);
scope.EventTarget ??= PlainEventTarget;
scope.Event ??= PlainEvent;
scope.CustomEvent ??= customEvent(scope.Event);
scope.ProgressEvent ??= scope.Event; // The client tells of no progress by it: its own have no numbers.
scope.atob ??= plainAtob;
completeAbortSignal();
