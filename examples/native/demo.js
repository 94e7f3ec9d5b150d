// The service with a phone that this program makes up.

import { createInterface } from "node:readline/promises";

import { createAuthService } from "./auth-service.js";
import { createPhone } from "./phone.js";

const baseURL = process.env.EVERGREEN_API ?? "http://localhost:8000/api";
const phone = createPhone();
const terminal = createInterface({ input: process.stdin });
const lines = terminal[Symbol.asyncIterator]();

function openApp() {
  const service = createAuthService(baseURL, phone);
  service.auth.addEventListener("token", ({ detail }) => console.log(`  new access token: ${detail.source}`));
  service.auth.addEventListener("signedout", ({ detail }) => console.log(`  signed out: ${detail.reason}`));
  return service;
}

async function call({ products }) {
  const items = await products();
  console.log(`  ${items.length} products, the first is ${items[0].name}`);
}

/** The app is in the background. How many hours did that take? */
async function waitInBackground() {
  phone.setState("background");
  console.log("In the background. Press Enter when the access token has expired, or type how many hours to be away:");
  const { value: hours } = await lines.next();
  phone.passHours(Number(hours) || 0);
  console.log("Back again.");
  phone.setState("active");
}

/** The user has a look. If the app knows that its token has expired, it has a new one before a button is pressed. */
async function look({ auth }) {
  if (auth.expiresAt <= phone.now()) {
    await new Promise((resolve) => auth.addEventListener("token", resolve, { once: true }));
  }
  console.log("A button is pressed.");
}

console.log("The app is opened for the first time.");
const app = openApp();
console.log(`  user: ${await app.auth.ready}`);
await app.auth.login({ email: "test@test.com", password: "Test123!" });
await call(app);

await waitInBackground();
await look(app);
await call(app);

console.log("Closed, and opened again.");
phone.close();
const reopened = openApp();
const user = await reopened.auth.ready;
console.log(`  user: ${user.email}`);
await call(reopened);

console.log("Sign out.");
await reopened.auth.logout();
console.log(`  stored items: ${phone.stored}`);
terminal.close();
