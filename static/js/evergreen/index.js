/**
 * Evergreen's client: sign in, call the API, and never think about tokens again.
 * ES modules without a build step and without dependencies.
 */

/** @typedef {import("./api.js").Credentials} Credentials */
/** @typedef {import("./api.js").Transport} Transport */
/** @typedef {import("./api.js").User} User */
/** @typedef {import("./attempt.js").Attempt} Attempt */
/** @typedef {import("./auth.js").Auth} Auth */
/** @typedef {import("./auth.js").AuthEvents} AuthEvents */
/** @typedef {import("./auth.js").AuthOptions} AuthOptions */
/** @typedef {import("./errors.js").Problem} Problem */
/** @typedef {import("./react.js").AuthState} AuthState */
/** @typedef {import("./storage.js").TokenStorage} TokenStorage */

export { asyncStorage } from "./async-storage.js";
export { createAuth } from "./auth.js";
export { attachAxios } from "./axios.js";
export { AuthError, RefreshUnavailableError, SessionEndedError, SignInError, TransientError } from "./errors.js";
export { installFetch } from "./install-fetch.js";
export { installXMLHttpRequest } from "./install-xhr.js";
export { createAuthContext } from "./react.js";
export { memoryStorage } from "./storage.js";
