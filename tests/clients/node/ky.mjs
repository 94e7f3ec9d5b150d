// By hooks, as ky's readme shows it: a 401 refreshes and forces one retry.

import ky from "ky";

import { base, signIn, walk } from "./walk.mjs";

const tokens = await signIn();

async function refresh() {
  tokens.adopt(await ky.post(`${base}/api/refresh`, { json: { refresh_token: tokens.refresh } }).json());
}

function authorize(request, _options, { retryCount }) {
  if (retryCount === 0) {
    request.headers.set("Authorization", tokens.bearer);
  }
}

async function retryWithFreshToken(request, _options, response, { retryCount }) {
  if (response.status !== 401 || retryCount > 0) {
    return undefined;
  }
  await tokens.renew(request.headers.get("Authorization"), refresh);
  const headers = new Headers(request.headers);
  headers.set("Authorization", tokens.bearer);
  return ky.retry({ request: new Request(request, { headers }), code: "TOKEN_REFRESHED", delay: 0 });
}

const api = ky.create({
  prefixUrl: base,
  hooks: { beforeRequest: [authorize], afterResponse: [retryWithFreshToken] },
});

await walk(tokens, { me: () => api.get("api/me").json(), refresh });
