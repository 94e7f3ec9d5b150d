// The page script that adds a passkey.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ATTESTATION, CREATION, fakeAuthenticator, refuses } from "./fake-authenticator.js";
import { calm, fakeTime } from "./fake-time.js";
import { json, over, problem, tokenAnswer, unreachable } from "./harness.js";
import { bodyOf, visit } from "./page.js";

const ADD = `<form data-passkey-add hidden>
    <input name="name" value="My passkey" data-most="60"><button></button><p role="alert"></p>
  </form><p data-passkey-too-old hidden></p>`;

async function addPage(t, { user = async () => ATTESTATION, routes = {}, globals = {} } = {}) {
  fakeTime(t);
  const { asked, navigator } = fakeAuthenticator(user);
  const page = await visit(t, "passkey-add", ADD, {
    navigator,
    // Node's own channel would keep the test from ending.
    globals: { PublicKeyCredential: {}, BroadcastChannel: undefined, ...globals },
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
  assert.deepEqual(went, ["/account/security?added=passkey"]);
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

for (const name of ["", "   ", "x".repeat(61), "a\u202eb"]) {
  test(`the name ${JSON.stringify(name)} is refused beside its field before anybody shows a finger`, async (t) => {
    const { find, submit, message, asked, server, went } = await addPage(t);
    find("[name=name]").value = name;
    await submit();
    assert.equal(message(), "Use 1 to 60 characters, all of which can be seen.");
    assert.equal(find("[name=name]").getAttribute("aria-invalid"), "true");
    assert.equal(document.activeElement, find("[name=name]"));
    assert.deepEqual([asked.length, server.calls.length, went.length], [0, 0, 0]);
    find("[name=name]").value = ` ${"🔑".repeat(60)} `;
    await submit();
    assert.equal(find("[name=name]").getAttribute("aria-invalid"), null);
    assert.deepEqual([message(), asked.length, went.length], ["", 1, 1]);
  });
}

test("what went wrong elsewhere does not mark the name", async (t) => {
  const { find, submit } = await addPage(t, { user: refuses("NotAllowedError") });
  await submit();
  assert.equal(find("[name=name]").getAttribute("aria-invalid"), null);
});

for (const [what, answer] of [
  ["no network", unreachable],
  ["a portal's page", () => new Response("<h1>Welcome to the hotel</h1>")],
]) {
  for (const path of ["/api/passkeys/options", "/api/passkeys"]) {
    test(`${what} at ${path} is told as such, not in a program's words`, async (t) => {
      const { submit, message, went } = await addPage(t, { routes: { [`POST ${path}`]: answer } });
      await submit();
      assert.equal(message(), "We could not be reached. Check your connection and try again.");
      assert.deepEqual(went, []);
    });
  }
}

test("without any network each attempt says so", async (t) => {
  const paths = ["/api/refresh", "/api/passkeys/options", "/api/passkeys"];
  const { submit, message } = await addPage(t, { routes: Object.fromEntries(paths.map((path) => [`POST ${path}`, unreachable])) });
  for (const attempt of ["first", "second"]) {
    await submit();
    assert.equal(message(), "We could not be reached. Check your connection and try again.", attempt);
  }
});

test("a browser in which the client does not work is told so before anything is tried", async (t) => {
  const { find, server } = await addPage(t, { globals: { AbortSignal: class {} } });
  assert.deepEqual([find("form").hidden, find("[data-passkey-too-old]").hidden], [true, false]);
  assert.equal(server.calls.length, 0);
});

test("any other browser sees nothing of that", async (t) => {
  const { find } = await addPage(t);
  assert.deepEqual([find("form").hidden, find("[data-passkey-too-old]").hidden], [false, true]);
});

test("any other refusal is told in the server's words", async (t) => {
  const routes = { "POST /api/passkeys/options": () => problem(403, "forbidden") };
  const { submit, message, asked } = await addPage(t, { routes });
  await submit();
  assert.equal(message(), "Refused: forbidden.");
  assert.equal(asked.length, 0);
});
