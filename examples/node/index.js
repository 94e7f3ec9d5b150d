import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";

import { createAuth } from "evergreen-auth";

import { fileStorage } from "./file-storage.js";

const USAGE = "node index.js login EMAIL [PASSWORD] | products | logout";
const baseURL = process.env.EVERGREEN_API ?? "http://localhost:8000/api";
const file = process.env.EVERGREEN_FILE ?? join(homedir(), ".evergreen-example.json");

const commands = {
  async login(auth, email, password) {
    const user = await auth.login({ email, password: password ?? (await firstLine()) });
    console.log(`Signed in as ${user.first_name} ${user.last_name}.`);
  },

  async products(auth) {
    const reply = await auth.fetch(`${baseURL}/products?per_page=5`);
    if (reply.status === 401) throw new Error(`Nobody is signed in. ${USAGE}`);
    if (!reply.ok) throw new Error(`The server answered ${reply.status}.`);
    const { items } = await reply.json();
    for (const { name, price_cents, currency } of items) {
      console.log(`${name.padEnd(20)} ${(price_cents / 100).toFixed(2).padStart(8)} ${currency}`);
    }
  },

  async logout(auth) {
    const isKnown = await auth.logout();
    console.log(isKnown ? "Signed out." : "Signed out here. The server could not be told.");
  },
};

/** A password on the command line is seen by others of the same machine; one on standard input is not. */
async function firstLine() {
  for await (const line of createInterface({ input: process.stdin })) return line;
}

async function main(name, ...values) {
  if (!Object.hasOwn(commands, name)) throw new Error(USAGE);
  await commands[name](createAuth({ baseURL, transport: "body", storage: fileStorage(file) }), ...values);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
