// The page script that adds a passkey.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ATTESTATION, CREATION, fakeAuthenticator, refuses } from "./fake-authenticator.js";
import { calm, fakeTime } from "./fake-time.js";
import { json, over, problem, tokenAnswer } from "./harness.js";
import { bodyOf, visit } from "./page.js";

const ADD = `<form data-passkey-add hidden>
    <input name="name" value="My passkey"><button></button><p role="alert"></p>
  </form>`;

async function addPage(t, { user = async () => ATTESTATION, routes = {} } = {}) {
  fakeTime(t);
  const { asked, navigator } = fakeAuthenticator(user);
  const page = await visit(t, "passkey-add", ADD, {
    navigator,
    // Node's own channel would keep the test from ending.
    globals: { PublicKeyCredential: {}, BroadcastChannel: undefined },
    routes: {
      "POST /api/refresh": () => tokenAnswer(),
      "POST /api/passkeys/options": () => json(CREATION),
      "POST /api/passkeys": () => json({ id: 1, name: "My passkey" }, { status: 201 }),
      ...routes,
    },
  });
  const submit = async () => {
    const goesOn = await page.act("form", "submit");
    await calm();
    await calm();
    return goesOn;
  };
  return { ...page, asked, submit, message: () => page.said("[role=alert]") };
}

test("without passkeys in the browser there is no form to add one", async (t) => {
  const page = await visit(t, "passkey-add", ADD);
  assert.equal(page.find("form").hidden, true);
});

test("a passkey is made and sent with its name, by access token", async (t) => {
  const { find, submit, asked, server, went, message } = await addPage(t);
  assert.equal(find("form").hidden, false);
  find("[name=name]").value = "Blue key";
  assert.equal(await submit(), false); // the browser itself sends nothing
  assert.equal(message(), "");
  assert.deepEqual([...new Uint8Array(asked[0].publicKey.user.id)], [255, 239]);
  const [options, made] = server.calls.filter(({ path }) => path.startsWith("/api/passkeys"));
  assert.ok(options.token);
  assert.equal(made.token, options.token);
  const sent = await bodyOf(made);
  assert.equal(sent.name, "Blue key");
  assert.equal(sent.credential.response.attestationObject, "BA");
  assert.equal(went.length, 1);
});

test("the new passkey is shown by asking for the page anew, never by sending an earlier form again", async (t) => {
  const { submit, went } = await addPage(t);
  await submit();
  assert.deepEqual(went, ["/account/security"]);
});

for (const [name, words] of [
  ["NotAllowedError", "No passkey was made. Try again when you are ready."],
  ["InvalidStateError", "This device has a passkey for your account already."],
  ["SecurityError", "The operation failed."],
]) {
  test(`no passkey is sent after ${name}, and the user learns why`, async (t) => {
    const { submit, message, server, went } = await addPage(t, { user: refuses(name) });
    await submit();
    assert.equal(message(), words);
    assert.equal(server.sent("/api/passkeys").length, 0);
    assert.deepEqual(went, []);
  });
}

test("a second attempt goes on with the access token of the first", async (t) => {
  const answers = [refuses("NotAllowedError"), async () => ATTESTATION];
  const { submit, server, went } = await addPage(t, { user: (...asked) => answers.shift()(...asked) });
  await submit();
  await submit();
  assert.equal(server.sent("/api/refresh").length, 1);
  assert.equal(server.sent("/api/passkeys").length, 1);
  assert.equal(went.length, 1);
});

test("who was signed out at the first attempt, and has signed in since, makes a passkey by the second", async (t) => {
  const answers = [() => over(), () => tokenAnswer()];
  const routes = {
    "POST /api/refresh": () => answers.shift()(),
    "POST /api/passkeys/options": ({ token }) => (token ? json(CREATION) : over("no_token")),
  };
  const { submit, server, message, went } = await addPage(t, { routes });
  await submit();
  assert.equal(message(), "Refused: no_token.");
  await submit();
  assert.equal(message(), "");
  assert.equal(server.sent("/api/refresh").length, 2);
  assert.equal(went.length, 1);
});

for (const path of ["/api/passkeys/options", "/api/passkeys"]) {
  test(`a sign-in that is too long ago at ${path} leads to its confirmation, and back`, async (t) => {
    const routes = { [`POST ${path}`]: () => problem(403, "reauthentication_required") };
    const { submit, went } = await addPage(t, { routes });
    await submit();
    assert.deepEqual(went, ["/account/confirm?next=/account/security"]);
  });
}

test("what is wrong with the name is told in the words of the field", async (t) => {
  const errors = { name: ["At least 1 character."] };
  const refusal = () => json({ detail: "Some fields are wrong.", code: "invalid_fields", errors }, { status: 422 });
  const { submit, message, went } = await addPage(t, { routes: { "POST /api/passkeys": refusal } });
  await submit();
  assert.equal(message(), "At least 1 character.");
  assert.deepEqual(went, []);
});

test("any other refusal is told in the server's words", async (t) => {
  const routes = { "POST /api/passkeys/options": () => problem(403, "forbidden") };
  const { submit, message, asked } = await addPage(t, { routes });
  await submit();
  assert.equal(message(), "Refused: forbidden.");
  assert.equal(asked.length, 0);
});
