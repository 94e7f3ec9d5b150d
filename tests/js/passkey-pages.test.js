// The page scripts of passkeys: signing in with one and adding one, and WebAuthn's JSON between page and server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { creationOptions, credentialToJSON, requestOptions } from "../../static/js/pages/passkey-json.js";
import { calm, fakeTime } from "./fake-time.js";
import { deferred, json, problem, tokenAnswer } from "./harness.js";
import { visit } from "./page.js";

const bodyOf = ({ request }) => request.json();

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, index) => index);
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const CHALLENGE = base64url(EVERY_BYTE);

const REQUEST = { challenge: CHALLENGE, rpId: "app.test", userVerification: "required" };
const CREATION = { challenge: CHALLENGE, rp: { id: "app.test" }, user: { id: "_-8", name: "jo@example.com" } };

/** What an authenticator makes: `response` holds the parts that differ. */
const credential = (response) => ({
  id: "_-8",
  rawId: Uint8Array.of(255, 239).buffer,
  type: "public-key",
  authenticatorAttachment: null,
  getClientExtensionResults: () => ({}),
  response: { clientDataJSON: EVERY_BYTE.buffer, ...response },
});
const bytes = (...values) => Uint8Array.from(values).buffer;
const ASSERTION = credential({ authenticatorData: bytes(1), signature: bytes(2, 3), userHandle: null });
const ATTESTATION = credential({ attestationObject: bytes(4), getTransports: () => ["internal"] });

test("bytes are read from base64url of any length, with its own two characters", () => {
  for (let length = 0; length <= 256; length += 1) {
    const { challenge } = requestOptions({ challenge: base64url(EVERY_BYTE.subarray(0, length)) });
    assert.ok(challenge instanceof ArrayBuffer);
    assert.deepEqual([...new Uint8Array(challenge)], [...EVERY_BYTE.subarray(0, length)]);
  }
});

test("ids in options become bytes, everything else stays, and lists may be missing", () => {
  const made = creationOptions({ ...CREATION, excludeCredentials: [{ id: "_-8", type: "public-key" }], timeout: 5 });
  assert.deepEqual([...new Uint8Array(made.user.id)], [255, 239]);
  assert.equal(made.user.name, "jo@example.com");
  assert.deepEqual([...new Uint8Array(made.excludeCredentials[0].id)], [255, 239]);
  assert.equal(made.excludeCredentials[0].type, "public-key");
  assert.equal(made.timeout, 5);
  assert.deepEqual(creationOptions(CREATION).excludeCredentials, []);
  const asked = requestOptions({ ...REQUEST, allowCredentials: [{ id: "_-8" }] });
  assert.deepEqual([...new Uint8Array(asked.allowCredentials[0].id)], [255, 239]);
  assert.deepEqual(requestOptions(REQUEST).allowCredentials, []);
});

test("a credential becomes JSON with base64url without padding; what it lacks is left out", () => {
  const text = base64url(EVERY_BYTE);
  const common = { id: "_-8", rawId: "_-8", type: "public-key", clientExtensionResults: {} };
  const send = (made) => JSON.parse(JSON.stringify(credentialToJSON(made)));
  assert.deepEqual(send(ASSERTION), {
    ...common,
    response: { clientDataJSON: text, authenticatorData: "AQ", signature: "AgM" },
  });
  assert.deepEqual(send(ATTESTATION), {
    ...common,
    response: { clientDataJSON: text, attestationObject: "BA", transports: ["internal"] },
  });
});

/** `navigator.credentials` in the hands of a user: `asked` lists what the page wanted, `user` acts. */
function fakeAuthenticator(user) {
  const asked = [];
  const ask = async (options) => {
    asked.push(options);
    const { signal } = options;
    const aborted = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    return Promise.race([user(options), aborted]);
  };
  return { asked, navigator: { credentials: { get: ask, create: ask } } };
}

const refuses = (name) => () => Promise.reject(new DOMException("The operation failed.", name));
const never = () => new Promise(() => {});

const SIGN_IN = `<form>
    <input name="email"><input name="next" value="/account/security"><input type="checkbox" name="remember" checked>
  </form>
  <div data-passkey-sign-in hidden><button></button><p role="alert"></p></div>`;

async function signInPage(t, { user = async () => ASSERTION, isConditional, routes = {} } = {}) {
  const { asked, navigator } = fakeAuthenticator(user);
  const PublicKeyCredential = { isConditionalMediationAvailable: isConditional && (async () => isConditional()) };
  const page = await visit(t, "passkey-sign-in", SIGN_IN, {
    navigator,
    globals: { PublicKeyCredential },
    routes: {
      "POST /api/login/passkey/options": () => json(REQUEST),
      "POST /api/login/passkey": () => tokenAnswer(),
      ...routes,
    },
  });
  const sent = () => page.server.calls.map(({ path }) => path);
  return { ...page, asked, sent, message: () => page.said("[role=alert]") };
}

test("without passkeys in the browser there is no such button, and nothing is asked of the server", async (t) => {
  const page = await visit(t, "passkey-sign-in", SIGN_IN);
  assert.equal(page.find("[data-passkey-sign-in]").hidden, true);
  assert.equal(page.server.calls.length, 0);
});

test("the button signs in by passkey, and leads on by asking for a page anew", async (t) => {
  const { find, act, asked, server, went, message } = await signInPage(t);
  assert.equal(find("[data-passkey-sign-in]").hidden, false);
  assert.equal(server.calls.length, 0);
  await act("button", "click");
  assert.deepEqual([...new Uint8Array(asked[0].publicKey.challenge)], [...EVERY_BYTE]);
  assert.equal(asked[0].publicKey.userVerification, "required");
  assert.equal(asked[0].mediation, "optional");
  const sent = await bodyOf(server.calls[1]);
  assert.equal(sent.transport, "cookie");
  assert.equal(sent.remember, true);
  assert.equal(sent.credential.response.signature, "AgM");
  assert.equal(went.length, 1);
  assert.equal(message(), "");
});

test("after the sign-in the page is left by an address that keeps `next`, never sent again as it was", async (t) => {
  const { act, went } = await signInPage(t);
  await act("button", "click");
  assert.deepEqual(went, ["/login?next=%2Faccount%2Fsecurity"]);
});

test("a session that is not to be remembered is asked for as such", async (t) => {
  const { act, find, server } = await signInPage(t);
  find("[name=remember]").checked = false;
  await act("button", "click");
  assert.equal((await bodyOf(server.calls[1])).remember, false);
});

test("who closes the browser's window is told how to go on", async (t) => {
  const { act, message, went, sent } = await signInPage(t, { user: refuses("NotAllowedError") });
  await act("button", "click");
  assert.equal(message(), "No passkey was used. Sign in with your password, or try again.");
  assert.deepEqual(sent(), ["/api/login/passkey/options"]);
  assert.deepEqual(went, []);
});

test("a second attempt begins without the words of the first", async (t) => {
  const answers = [refuses("NotAllowedError"), never];
  const { act, message } = await signInPage(t, { user: () => answers.shift()() });
  await act("button", "click");
  await act("button", "click");
  assert.equal(message(), "");
});

test("a second click begins anew, and says nothing of the first", async (t) => {
  const { act, asked, message } = await signInPage(t, { user: never });
  await act("button", "click");
  await act("button", "click");
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [true, false]);
  assert.equal(message(), "");
});

for (const path of ["/api/login/passkey/options", "/api/login/passkey"]) {
  test(`the server's own words are shown when it refuses at ${path}`, async (t) => {
    const routes = { [`POST ${path}`]: () => problem(401, "invalid_credentials") };
    const { act, message, went } = await signInPage(t, { routes });
    await act("button", "click");
    assert.equal(message(), "Refused: invalid_credentials.");
    assert.deepEqual(went, []);
  });
}

for (const [what, isConditional] of [
  ["does not know of them", undefined],
  ["cannot show them", () => false],
]) {
  test(`passkeys are no suggestions of the address field if the browser ${what}`, async (t) => {
    const { asked, server } = await signInPage(t, { isConditional });
    assert.equal(asked.length, 0);
    assert.equal(server.calls.length, 0);
  });
}

test("a passkey chosen among the address field's suggestions signs in", async (t) => {
  const { asked, went, sent } = await signInPage(t, { isConditional: () => true });
  assert.equal(asked[0].mediation, "conditional");
  assert.deepEqual(sent(), ["/api/login/passkey/options", "/api/login/passkey"]);
  assert.equal(went.length, 1);
});

test("the button ends the suggestions, silently: a browser holds one ceremony at a time", async (t) => {
  const user = ({ mediation }) => (mediation === "conditional" ? never() : refuses("InvalidStateError")());
  const { act, asked, message } = await signInPage(t, { user, isConditional: () => true });
  assert.equal(asked[0].signal.aborted, false);
  await act("button", "click");
  assert.equal(asked[0].signal.aborted, true);
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["conditional", "optional"]);
  assert.equal(asked[1].signal.aborted, false);
  assert.equal(message(), "The operation failed.");
});

test("a click before the suggestions are ready leaves one ceremony, the button's", async (t) => {
  const slow = deferred();
  const answers = [slow.promise, json(REQUEST)];
  const routes = { "POST /api/login/passkey/options": () => answers.shift() };
  const { act, asked } = await signInPage(t, { user: never, isConditional: () => true, routes });
  await act("button", "click");
  slow.resolve(json(REQUEST));
  await calm();
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["optional"]);
});

test("a click before the browser has told about suggestions leaves one ceremony, too", async (t) => {
  const told = deferred();
  const { act, asked } = await signInPage(t, { user: never, isConditional: () => told.promise });
  await act("button", "click");
  told.resolve(true);
  await calm();
  assert.deepEqual(asked.map(({ mediation }) => mediation), ["optional"]);
});

for (const name of ["AbortError", "NotAllowedError", "SecurityError"]) {
  test(`suggestions that end with ${name} say nothing`, async (t) => {
    const { message } = await signInPage(t, { user: refuses(name), isConditional: () => true });
    assert.equal(message(), "");
  });
}

test("a passkey from the suggestions that the server refuses is told", async (t) => {
  const routes = { "POST /api/login/passkey": () => problem(401, "invalid_credentials") };
  const { message } = await signInPage(t, { isConditional: () => true, routes });
  assert.equal(message(), "Refused: invalid_credentials.");
});

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
