// By a catcher that replays the request, as wretch's readme shows it.

import wretch from "wretch";

import { base, signIn, walk } from "./walk.mjs";

const tokens = await signIn();
const api = wretch(base);

async function refresh() {
  tokens.adopt(await api.url("/api/refresh").post({ refresh_token: tokens.refresh }).json());
}

function me() {
  const { bearer } = tokens;
  const replay = async (_error, request) => {
    await tokens.renew(bearer, refresh);
    return request.auth(tokens.bearer).get().json();
  };
  return api.url("/api/me").auth(bearer).get().unauthorized(replay).json();
}

await walk(tokens, { me, refresh });
