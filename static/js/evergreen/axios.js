import { untilAborted } from "./abort.js";
import { absolute } from "./base-url.js";
import { TransientError } from "./errors.js";

/** @import { Answer, Attempt } from "./attempt.js" */
/** @import { Auth } from "./auth.js" */
/** @import { Axios, Config, Passage, Reply } from "./axios-types.js" */

/** An address that begins with a scheme or a slash. */
const ANCHORED = /^([a-z][\w+.-]*:|\/)/i;

/**
 * Let every call of an axios instance that goes to the API carry the access token, adopt `X-New-Token`, and be sent
 * once more after a refusal. Calls elsewhere, and calls with an Authorization header of their own, are left alone.
 *
 * To be called before response interceptors are added that look at errors: they would see the refusals as well.
 *
 * A call whose token was refused while a refresh failed in passing rejects with TransientError: nobody was signed out.
 * With axios's "fetch" adapter it is not known where an answer came from after redirects: all count as the API's.
 *
 * @param {Auth} auth
 * @param {Axios} axios `axios` itself or an instance of it
 * @returns {() => void} undoes it
 */
export function attachAxios(auth, axios) {
  /** @param {Config} config */
  async function authorize(config) {
    takeBack(config, auth);
    if (config.headers.has("Authorization") || !auth.covers(axios.getUri(config))) return config;
    pin(config);
    const attempt = await unlessCancelled(auth.begin(), config);
    if (!attempt) return config; // axios itself sees that the call was cancelled
    config.transformRequest = [config.transformRequest ?? [], dropElsewhere].flat();
    return carry(config, { auth, attempt, token: attempt.token });
  }

  /**
   * Interceptors that were there before ours run after it, and one may have led the call elsewhere: the token must not
   * go along, nor the answer count. A transform is the last that is asked before the call is sent.
   *
   * @this {Config}
   * @param {unknown} data
   */
  function dropElsewhere(data) {
    const { baseURL = "" } = this;
    // Named, since for one that was taken away getUri would put in the instance's own.
    if (!auth.covers(axios.getUri({ ...this, baseURL }))) takeBack(this, auth);
    return data;
  }

  /**
   * @param {Reply | undefined} reply
   * @returns {Promise<{ outcome: any } | undefined>} what came of a second try; undefined if there is no reason for one
   */
  async function tryAgain(reply) {
    /** @type {Config | undefined} */
    const config = reply?.config;
    if (!reply || !config?.evergreen) return undefined;
    const passage = config.evergreen();
    const token = await unlessCancelled(passage.attempt.settle(answerOf(reply)), config);
    if (token === undefined) return undefined;
    if (config.responseType === "stream") drop(reply.data);
    if (config.data?.pipe || config.data?.getReader) throw new TransientError({}, "Stream was sent.");
    // Without interceptors: those of the request have run, and those after ours are about to. And without transforms:
    // the body is already what was sent.
    if (token) carry(config, { ...passage, token });
    let second = axios.create().request({ ...config, transformRequest: [] });
    let isBeforeOurs = true;
    // axios has forEach, and does not declare it.
    const handlers = /** @type {any} */ (response);
    handlers.forEach((/** @type {{ fulfilled: any, rejected: any }} */ { fulfilled, rejected }) => {
      isBeforeOurs &&= fulfilled !== onFulfilled;
      if (isBeforeOurs) second = second.then(fulfilled, rejected);
    });
    return { outcome: await second };
  }

  /** @param {Reply} reply */
  async function onFulfilled(reply) {
    const second = await tryAgain(reply);
    return second ? second.outcome : reply;
  }

  /** @param {any} error */
  async function onRejected(error) {
    const second = await tryAgain(error?.response);
    if (second) return second.outcome;
    throw error;
  }

  const { request, response } = axios.interceptors;
  const onRequest = request.use(authorize);
  const onResponse = response.use(onFulfilled, onRejected);
  return () => {
    request.eject(onRequest);
    response.eject(onResponse);
  };
}

/**
 * Make an address absolute that depends on where the page is: while the call waits a router may lead that elsewhere.
 * What depends on the page's origin alone stays as it is, since other interceptors may look at it.
 *
 * @param {Config} config
 */
function pin(config) {
  const name = config.baseURL ? "baseURL" : "url";
  const address = /** @type {string} */ (config[name]);
  if (!ANCHORED.test(address)) config[name] = absolute(address);
}

/**
 * @param {Config} config
 * @param {Passage} passage
 */
function carry(config, passage) {
  const { token } = passage;
  config.evergreen = () => passage;
  if (token) config.headers.set("Authorization", `Bearer ${token}`);
  return config;
}

/**
 * Take out what `carry` put in, also at an earlier send: a program may repeat a call by its `error.config`, and by then
 * somebody else may be signed in.
 *
 * @param {Config} config
 * @param {Auth} auth whose it must be: there may be two, each for an API of its own
 */
function takeBack(config, auth) {
  const { headers, evergreen } = config;
  const passage = evergreen?.();
  if (passage?.auth !== auth) return;
  if (headers.get("Authorization") === `Bearer ${passage.token}`) headers.delete("Authorization");
  delete config.evergreen;
}

/**
 * A refused answer that nobody will read: its connection would never be free again.
 *
 * @param {any} stream of Node, or of the web with axios's "fetch" adapter
 */
function drop(stream) {
  stream.destroy?.();
  stream.cancel?.().catch(() => {});
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {Config} config
 * @returns {Promise<T | null>} null as soon as the call is cancelled; axios then says so itself
 */
async function unlessCancelled(promise, { signal, cancelToken }) {
  /** @type {(AbortSignal & { unsubscribe?: () => void }) | undefined} */
  const cancelled = signal ?? cancelToken?.toAbortSignal?.();
  if (!cancelled) return promise;
  try {
    return await untilAborted(promise, cancelled);
  } catch (error) {
    if (cancelled.aborted) return null;
    throw error;
  } finally {
    // One token may be for all calls of a program's life.
    if (!signal) cancelled.unsubscribe?.();
  }
}

/**
 * @param {Reply} reply
 * @returns {Answer}
 */
function answerOf({ status, headers, request }) {
  return {
    status,
    // In a browser, then in Node.
    url: request?.responseURL ?? request?.res?.responseUrl ?? "",
    headers: { get: (name) => headers.get(name) ?? null },
  };
}
