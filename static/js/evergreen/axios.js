import { untilAborted } from "./abort.js";
import { TransientError } from "./errors.js";

/** @import { Answer, Attempt } from "./attempt.js" */
/** @import { Auth } from "./auth.js" */

/**
 * As much of axios (1.x) as is used here.
 * @typedef {object} Config
 * @property {{ has: (name: string) => boolean, set: (name: string, value: string) => unknown }} headers
 * @property {any} [data]
 * @property {any} [signal]
 * @property {() => Attempt} [evergreen] a function, since axios would copy a plain object
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {any} headers
 * @property {any} config
 * @property {any} [request]
 *
 * @typedef {object} Interceptors
 * @property {(onFulfilled: (value: any) => any, onRejected?: (error: any) => any) => number} use
 * @property {(id: number) => void} eject
 *
 * @typedef {object} Axios
 * @property {{ request: Interceptors, response: Interceptors }} interceptors
 * @property {(config: any) => string} getUri
 * @property {(config: any) => Promise<any>} request
 */

/**
 * Let every call of an axios instance that goes to the API carry the access token, adopt `X-New-Token`, and be sent
 * once more after a refusal. Calls elsewhere, and calls with an Authorization header of their own, are left alone.
 *
 * A call whose token was refused while a refresh failed in passing rejects with TransientError: nobody was signed out.
 *
 * @param {Auth} auth
 * @param {Axios} axios `axios` itself or an instance of it
 * @returns {() => void} undoes it
 */
export function attachAxios(auth, axios) {
  /** @param {Config} config */
  async function authorize(config) {
    if (!config.evergreen) {
      if (config.headers.has("Authorization") || !auth.covers(axios.getUri(config))) return config;
      const attempt = await beginUnlessAborted(auth, config.signal);
      if (!attempt) return config; // axios itself sees that the call was cancelled
      config.evergreen = () => attempt;
    }
    const { token } = config.evergreen();
    if (token) config.headers.set("Authorization", `Bearer ${token}`);
    return config;
  }

  /**
   * @param {Reply | undefined} reply
   * @returns {Promise<any>} the reply to a second try, or undefined if there is no reason for one
   */
  async function tryAgain(reply) {
    /** @type {Config | undefined} */
    const config = reply?.config;
    if (!reply || !config?.evergreen || !(await config.evergreen().settle(answerOf(reply)))) return undefined;
    if (config.data?.pipe || config.data?.getReader) throw new TransientError({}, "Stream already sent.");
    return axios.request(config);
  }

  const { request, response } = axios.interceptors;
  const onRequest = request.use(authorize);
  const onResponse = response.use(
    async (/** @type {Reply} */ reply) => (await tryAgain(reply)) ?? reply,
    async (error) => {
      const second = await tryAgain(error?.response);
      if (second) return second;
      throw error;
    },
  );
  return () => {
    request.eject(onRequest);
    response.eject(onResponse);
  };
}

/**
 * @param {Auth} auth
 * @param {AbortSignal} [signal]
 */
async function beginUnlessAborted(auth, signal) {
  if (!signal) return auth.begin();
  return untilAborted(auth.begin(), signal).catch((error) => {
    if (signal.aborted) return null;
    throw error;
  });
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
