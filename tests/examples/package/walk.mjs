// A fresh program with the package from its tarball: sign in, call, refresh, sign out; prints what it saw.

import { SessionEndedError, SignInError, createAuth } from "evergreen-auth";

const baseURL = process.argv[2];
const auth = createAuth({ baseURL });
const sources = [];
const reasons = [];
auth.addEventListener("token", ({ detail }) => sources.push(detail.source));
auth.addEventListener("signedout", ({ detail }) => reasons.push(detail.reason));

const outcome = (promise) => promise.catch((error) => error);
const status = async () => (await auth.fetch(`${baseURL}/products`)).status;

const before = await status();
const wrong = await outcome(auth.login({ email: "test@test.com", password: "Wrong123!" }));
const user = await auth.login({ email: "test@test.com", password: "Test123!" });
const signedIn = await status();
const first = auth.accessToken;
await auth.refresh();
const isNew = auth.accessToken !== first;
const refreshed = await status();
const isKnown = await auth.logout();
const after = await status();
const late = await outcome(auth.refresh());

console.log(
  JSON.stringify({
    email: user.email,
    errors: [wrong instanceof SignInError && wrong.code, late instanceof SessionEndedError],
    facts: [isNew, isKnown, auth.user],
    reasons,
    sources,
    statuses: [before, signedIn, refreshed, after],
  }),
);
