// Verifies tokens or signs one, as the JSON on standard input says; prints JSON: claims or null for each token, or the
// token.

import { text } from "node:stream/consumers";

import { createLocalJWKSet, errors, importJWK, jwtVerify, SignJWT } from "jose";

const question = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await (question.verify ? verifyAll(question) : sign(question))));

async function verifyAll({ verify, keys, expected: { alg, iss, aud, typ }, essential }) {
  // A set of keys is for published ones only: jose takes no secret from it.
  const key = alg === "HS256" ? await importJWK(keys.keys[0]) : createLocalJWKSet(keys);
  const options = { algorithms: [alg], issuer: iss, audience: aud, typ, requiredClaims: essential };
  return Promise.all(verify.map((token) => verdict(token, key, options)));
}

async function verdict(token, key, options) {
  try {
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) {
      return null;
    }
    throw error;
  }
}

async function sign({ sign: claims, header, jwk }) {
  return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(jwk, header.alg));
}
