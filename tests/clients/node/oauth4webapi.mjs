// A public client of RFC 6749 §6. The library leaves it to the program when to refresh: here, at a challenge.

import * as oauth from "oauth4webapi";

import { base, callWithRenewal, signIn, walk } from "./walk.mjs";

const server = { issuer: base, token_endpoint: `${base}/api/refresh` };
const client = { client_id: "somebody-elses-app" };
const options = { [oauth.allowInsecureRequests]: true };
const tokens = await signIn();

async function grant(refreshToken) {
  const reply = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, options);
  return oauth.processRefreshTokenResponse(server, client, reply);
}

async function refresh() {
  tokens.adopt(await grant(tokens.refresh));
}

async function call() {
  const url = new URL("/api/me", base);
  const reply = await oauth.protectedResourceRequest(tokens.access, "GET", url, undefined, undefined, options);
  return reply.json();
}

function isInvalidToken(error) {
  return error instanceof oauth.WWWAuthenticateChallengeError && error.cause[0].parameters.error === "invalid_token";
}

async function refusal(token) {
  try {
    await grant(token);
    return "granted";
  } catch (error) {
    return error instanceof oauth.ResponseBodyError ? error.error : String(error);
  }
}

const me = () => callWithRenewal(tokens, { call, isInvalidToken, refresh });

await walk(tokens, { me, refresh, refusal });
