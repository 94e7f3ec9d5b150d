// The cookie transport without a browser: a cookie jar decorates fetch.

import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";

import { base, signIn, walk } from "./walk.mjs";

const fetchCookie = makeFetchCookie(fetch, new CookieJar());
const tokens = await signIn({ transport: "cookie", fetch: fetchCookie });

async function refresh() {
  // A cookie says nothing about who sends it: the server wants its own origin beside it.
  const reply = await fetchCookie(`${base}/api/refresh`, { method: "POST", headers: { Origin: base } });
  tokens.adopt(await bodyOf(reply));
}

function call() {
  return fetchCookie(`${base}/api/me`, { headers: { Authorization: tokens.bearer } });
}

async function bodyOf(reply) {
  if (!reply.ok) {
    throw new Error(`${reply.status} ${await reply.text()}`);
  }
  return reply.json();
}

async function me() {
  const { bearer } = tokens;
  const reply = await call();
  if (reply.status !== 401) {
    return bodyOf(reply);
  }
  await tokens.renew(bearer, refresh);
  return bodyOf(await call());
}

await walk(tokens, { me, refresh });
