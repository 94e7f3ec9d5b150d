// The walk that every library takes, and the talk with pytest, which moves the server's clock and reads its log.

import { createInterface } from "node:readline";

export const base = process.argv[2];
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Ask pytest for one thing, for example `{ move_clock: 25 }` (hours); return what it answers. */
async function ask(question) {
  console.log(JSON.stringify(question));
  const { value } = await lines.next();
  return JSON.parse(value);
}

/** What a program keeps of its sign-in; after an answer without a refresh token it keeps its own (RFC 6749 §6). */
class Tokens {
  adopt(answer) {
    this.access = answer.access_token;
    this.refresh = answer.refresh_token ?? this.refresh;
  }

  get bearer() {
    return `Bearer ${this.access}`;
  }

  /**
   * Refresh after the refusal of `bearer`, unless there is a newer token by now. Callers at the same time share one:
   * what an application adds to a library that has no such thing of its own.
   */
  async renew(bearer, refresh) {
    if (bearer !== this.bearer) {
      return;
    }
    this.renewal ??= refresh().finally(() => {
      this.renewal = undefined;
    });
    await this.renewal;
  }
}

/** Let `call` be made once more with a new token if the first was refused, as `isInvalidToken(error)` tells. */
export async function callWithRenewal(tokens, { call, isInvalidToken, refresh }) {
  const { bearer } = tokens;
  try {
    return await call();
  } catch (error) {
    if (!isInvalidToken(error)) {
      throw error;
    }
  }
  await tokens.renew(bearer, refresh);
  return call();
}

export async function signIn({ transport = "body", fetch = globalThis.fetch } = {}) {
  const reply = await post("/api/login", { email: "test@test.com", password: "Test123!", transport }, fetch);
  const tokens = new Tokens();
  tokens.adopt(await reply.json());
  return tokens;
}

function post(path, body, fetch = globalThis.fetch) {
  const headers = { "Content-Type": "application/json" };
  return fetch(base + path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function statusOf(bearer) {
  const reply = await fetch(`${base}/api/me`, { headers: { Authorization: bearer } });
  return reply.status;
}

/**
 * Take the walk, and print what it showed as one line of JSON.
 *
 * By the library, `me()` asks for /api/me and returns the user, `refresh()` refreshes, and `refusal(token)`, of OAuth
 * libraries only, returns the error that refreshing with a dead token gives. The first two throw at anything but 200.
 */
export async function walk(tokens, { me, refresh, refusal }) {
  await ask({ move_clock: 25 });
  const oldToken = await statusOf(tokens.bearer);
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => me()));
  const refreshes = await ask({ count: "POST /api/refresh" });
  await refresh();
  await ask({ move_clock: 50 });
  await refresh();
  const later = await me();
  const refusals = refusal ? await refusalsOf(tokens, refusal) : [];
  const results = { oldToken, twenty: answers.map(outcome), refreshes, later: later.email, refusals };
  console.log(JSON.stringify({ results }));
  process.exit(); // stdin is still open
}

function outcome({ value, reason }) {
  return value ? value.email : String(reason);
}

async function refusalsOf(tokens, refusal) {
  const ofGarbage = await refusal("garbage");
  await post("/api/logout", { refresh_token: tokens.refresh });
  return [ofGarbage, await refusal(tokens.refresh)];
}
