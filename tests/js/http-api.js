// A small API on a real socket, for clients that bring their own way of sending: it refuses every access token but the
// newest, and keeps what it got.

import { once } from "node:events";
import { createServer } from "node:http";

import { accessToken, USER } from "./harness.js";

const JSON_TYPE = { "Content-Type": "application/json" };
const CHALLENGE = { "WWW-Authenticate": 'Bearer error="invalid_token"' };

/**
 * `state.answers` maps a path to `(request, response) => …` in place of what it does by itself; `state.newToken` is
 * given as X-New-Token; `expire()` makes it refuse the tokens that it has given out. A refresh token comes where there
 * was a body.
 */
export async function startApi(t) {
  const state = { age: 0, isOver: false, newToken: null, answers: {} };
  const calls = [];
  const current = () => accessToken({ age: state.age });
  const reply = (response, status, body, headers = {}) => {
    const extra = state.newToken && status < 300 ? { "X-New-Token": state.newToken } : {};
    response.writeHead(status, { ...JSON_TYPE, ...extra, ...headers }).end(body && JSON.stringify(body));
  };
  const refuse = (response) => reply(response, 401, { status: 401, code: "invalid_token" }, CHALLENGE);

  function renew(response, { body }) {
    if (state.isOver) return refuse(response);
    state.age -= 1;
    const refreshToken = body && { refresh_token: `r${-state.age}` };
    return reply(response, 200, { access_token: current(), expires_in: 86_400, user: USER, ...refreshToken });
  }

  async function handle(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname } = new URL(request.url, "http://localhost");
    const { authorization = null } = request.headers;
    const call = { path: pathname, url: request.url, method: request.method, headers: request.headers, authorization };
    call.body = Buffer.concat(chunks).toString();
    calls.push(call);
    const answer = state.answers[pathname];
    if (answer) return answer(request, response, { reply, refuse });
    if (["/api/refresh", "/api/login"].includes(pathname)) return renew(response, call);
    if (pathname === "/api/logout") return response.writeHead(204).end();
    if (pathname.startsWith("/api/") && authorization !== `Bearer ${current()}`) return refuse(response);
    return reply(response, 200, { echo: call.body, method: request.method });
  }

  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    baseURL: `${origin}/api`,
    state,
    calls,
    sent: (path) => calls.filter((call) => call.path === path),
    expire() {
      state.age -= 1;
    },
  };
}
