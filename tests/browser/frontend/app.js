// What an application does with the client. `shop.seen` is all that its code ever gets to see.
import { createAuth } from "%CLIENT%";

const auth = createAuth(%OPTIONS%);
const seen = { statuses: [], failures: [], sources: [], ends: [], users: [] };
const who = document.querySelector("#who");
const calls = document.querySelector("#calls");
const { baseURL } = %OPTIONS%;

auth.addEventListener("token", ({ detail }) => seen.sources.push(detail.source));
auth.addEventListener("signedin", () => (who.textContent = auth.user.email));
auth.addEventListener("signedout", ({ detail }) => {
  seen.ends.push(detail.reason);
  who.textContent = `nobody (${detail.reason})`;
});

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  await auth.login({ email, password });
});

async function call(path = "/me") {
  try {
    const reply = await auth.fetch(baseURL + path);
    seen.statuses.push(reply.status);
    if (reply.ok) seen.users.push((await reply.json()).email);
  } catch (error) {
    seen.failures.push(String(error));
  }
}

/** One call after each of the pauses (ms). */
async function callAfter(pauses) {
  calls.textContent = "running";
  for (const pause of pauses) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await call();
  }
  calls.textContent = "done";
}

globalThis.shop = { auth, seen, call, callAfter };
who.textContent = (await auth.ready)?.email ?? "nobody";
