// An authenticator made of functions: what it is asked by the server, what it makes of that, and its user.

export const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, index) => index);
export const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const CHALLENGE = base64url(EVERY_BYTE);

export const REQUEST = { challenge: CHALLENGE, rpId: "app.test", userVerification: "required" };
export const CREATION = { challenge: CHALLENGE, rp: { id: "app.test" }, user: { id: "_-8", name: "jo@example.com" } };

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
export const ASSERTION = credential({ authenticatorData: bytes(1), signature: bytes(2, 3), userHandle: null });
export const ATTESTATION = credential({ attestationObject: bytes(4), getTransports: () => ["internal"] });

/** `navigator.credentials` in the hands of a user: `asked` lists what the page wanted, `user` acts. */
export function fakeAuthenticator(user) {
  const asked = [];
  const ask = async (options) => {
    asked.push(options);
    const { signal } = options;
    const aborted = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    return Promise.race([user(options), aborted]);
  };
  return { asked, navigator: { credentials: { get: ask, create: ask } } };
}

export const refuses = (name) => () => Promise.reject(new DOMException("The operation failed.", name));
