// The same grant through openid-client's configuration; it too leaves it to the program when to refresh.

import * as openid from "openid-client";

import { base, callWithRenewal, signIn, walk } from "./walk.mjs";

const server = { issuer: base, token_endpoint: `${base}/api/refresh` };
const config = new openid.Configuration(server, "somebody-elses-app", undefined, openid.None());
openid.allowInsecureRequests(config);
const tokens = await signIn();

async function refresh() {
  tokens.adopt(await openid.refreshTokenGrant(config, tokens.refresh));
}

async function call() {
  const reply = await openid.fetchProtectedResource(config, tokens.access, new URL("/api/me", base), "GET");
  return reply.json();
}

function isInvalidToken(error) {
  return error instanceof openid.WWWAuthenticateChallengeError && error.cause[0].parameters.error === "invalid_token";
}

async function refusal(token) {
  try {
    await openid.refreshTokenGrant(config, token);
    return "granted";
  } catch (error) {
    return error instanceof openid.ResponseBodyError ? error.error : String(error);
  }
}

const me = () => callWithRenewal(tokens, { call, isInvalidToken, refresh });

await walk(tokens, { me, refresh, refusal });
