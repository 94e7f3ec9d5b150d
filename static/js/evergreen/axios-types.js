// As much of axios (1.x) as axios.js uses, and what that adds to a call. Types alone: nothing loads this at run time.

/** @import { Attempt } from "./attempt.js" */
/** @import { Auth } from "./auth.js" */

/**
 * The settings of a call.
 * @typedef {object} Config
 * @property {AxiosHeaders} headers
 * @property {any} [data]
 * @property {any} [signal]
 * @property {any} [cancelToken] axios's own, of before there were signals
 * @property {string} [url]
 * @property {string} [baseURL]
 * @property {any} [transformRequest]
 * @property {any} [responseType]
 * @property {() => Passage} [evergreen] a function, since axios would copy a plain object
 *
 * What a call was sent with.
 * @typedef {object} Passage
 * @property {Auth} auth
 * @property {Attempt} attempt
 * @property {string} [token] the one that it carries
 *
 * @typedef {object} AxiosHeaders
 * @property {(name: string) => boolean} has
 * @property {(name: string) => any} get
 * @property {(name: string, value: string) => unknown} set
 * @property {(name: string) => unknown} delete
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {any} headers
 * @property {any} config
 * @property {any} [data]
 * @property {any} [request]
 *
 * @typedef {object} Interceptors
 * @property {(onFulfilled: (value: any) => any, onRejected?: (error: any) => any) => number} use
 * @property {(id: number) => void} eject
 *
 * @typedef {object} Axios
 * @property {{ request: Interceptors, response: Interceptors }} interceptors
 * @property {(config: any) => string} getUri
 * @property {(config?: any) => { request: (config: any) => Promise<any> }} create
 */

export {};
