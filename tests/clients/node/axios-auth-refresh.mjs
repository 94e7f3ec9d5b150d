// As its readme shows it; an interceptor of axios puts the newest access token into every request.

import axios from "axios";
import { createAuthRefresh } from "axios-auth-refresh";

import { base, signIn, walk } from "./walk.mjs";

const tokens = await signIn();
const api = axios.create({ baseURL: base });

api.interceptors.request.use((request) => {
  request.headers.Authorization = tokens.bearer;
  return request;
});

async function refresh() {
  const body = { refresh_token: tokens.refresh };
  const reply = await axios.post(`${base}/api/refresh`, body, { skipAuthRefresh: true });
  tokens.adopt(reply.data);
}

// With its default, true, a request that was under way when the first refusal came is not repeated: its 401 is final,
// whatever the server does. With false all that are refused while a refresh is running wait for that one.
createAuthRefresh(api, refresh, { deduplicateRefresh: false });

async function me() {
  const reply = await api.get("/api/me");
  return reply.data;
}

await walk(tokens, { me, refresh });
