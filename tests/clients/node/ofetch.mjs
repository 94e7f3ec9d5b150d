// By interceptors and ofetch's own retry.

import { ofetch } from "ofetch";

import { base, signIn, walk } from "./walk.mjs";

const tokens = await signIn();

async function refresh() {
  const body = { refresh_token: tokens.refresh };
  tokens.adopt(await ofetch(`${base}/api/refresh`, { method: "POST", body }));
}

const api = ofetch.create({
  baseURL: base,
  retry: 1,
  retryStatusCodes: [401],
  onRequest({ options }) {
    options.headers.set("Authorization", tokens.bearer);
  },
  async onResponseError({ options, response }) {
    if (response.status === 401) {
      await tokens.renew(options.headers.get("Authorization"), refresh);
    }
  },
});

await walk(tokens, { me: () => api("/api/me"), refresh });
