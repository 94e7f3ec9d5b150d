// An API of one address that takes only some access tokens, and the tokens that it gives out.

import { accessToken, BASE, json, noContent, refused, tokenAnswer, USER } from "./harness.js";

export const ME = `${BASE}/me`;
export const fresh = accessToken({ age: -100 });
export const newer = accessToken({ age: -200 });
export const ok = (headers = {}) => json(USER, { headers });
export const tokensOf = (calls) => calls.map(({ token }) => token);

/** An API that takes only `valid` tokens, and refreshes to `fresh`. */
export function api(valid = [fresh]) {
  return {
    "GET /api/me": ({ token }) => (valid.includes(token) ? ok() : refused()),
    "POST /api/refresh": () => tokenAnswer(fresh),
    "POST /api/logout": noContent,
  };
}
