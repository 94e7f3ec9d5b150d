/**
 * Evergreen's client: sign in, call the API, and never think about tokens again.
 * ES modules without a build step and without dependencies.
 */
export { asyncStorage } from "./async-storage.js";
export { createAuth } from "./auth.js";
export { attachAxios } from "./axios.js";
export { AuthError, RefreshUnavailableError, SessionEndedError, SignInError, TransientError } from "./errors.js";
export { installFetch } from "./install-fetch.js";
export { installXMLHttpRequest } from "./install-xhr.js";
export { createAuthContext } from "./react.js";
export { memoryStorage } from "./storage.js";
