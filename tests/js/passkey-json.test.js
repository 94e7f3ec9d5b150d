// WebAuthn's JSON between page and server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { creationOptions, credentialToJSON, requestOptions } from "../../static/js/pages/passkey-json.js";
import { ASSERTION, ATTESTATION, base64url, CREATION, EVERY_BYTE, REQUEST } from "./fake-authenticator.js";

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
