"""Other people's implementations of JOSE, each used as its documentation shows it to a service that is careful."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, import_key
from jwcrypto.common import JWException

from tests.support.programs import clean_environment, install, run
from tests.support.services import require_program
from webapp.config import ROOT

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore", AuthlibDeprecationWarning
    )  # it recommends joserfc; until its version 2 there are services that use it
    import authlib.jose

Json = dict[str, Any]
Verdict = Json | None
ESSENTIAL = ("sub", "iat", "nbf", "exp", "jti", "sid")


class Expected(NamedTuple):
    """What a service demands of a token: one algorithm, issuer, audience and `typ`, and claims that must be there."""

    alg: str
    iss: str
    aud: str
    typ: str


class Library(NamedTuple):
    """`verify` returns the claims of each token by the keys of a JWK set, or None for one that is refused."""

    verify: Callable[[list[str], Json, Expected], list[Verdict]]
    sign: Callable[[Json, Json, Json], str]


def _one_by_one(verify: Callable[[str, Json, Expected], tuple[Json, Json]], *refusals: type[Exception]) -> Any:
    """Return a function for many tokens made of one for one, which returns header and claims or raises a refusal."""

    def verify_one(token: str, keys: Json, expected: Expected) -> Verdict:
        try:
            header, claims = verify(token, keys, expected)
        except refusals:
            return None
        return claims if header.get("typ") == expected.typ else None

    return lambda tokens, keys, expected: [verify_one(token, keys, expected) for token in tokens]


def _options(expected: Expected) -> Json:
    exact = {name: {"essential": True, "value": getattr(expected, name)} for name in ("iss", "aud")}
    return {**exact, **{name: {"essential": True} for name in ESSENTIAL}}


# --- joserfc ---------------------------------------------------------------------------------------------


@contextmanager
def _knowing_that_eddsa_has_a_newer_name() -> Iterator[None]:
    """RFC 9864 calls it Ed25519, which joserfc says each time; other libraries do not know that name yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        yield


def _joserfc_verify(token: str, keys: Json, expected: Expected) -> tuple[Json, Json]:
    with _knowing_that_eddsa_has_a_newer_name():
        decoded = joserfc.jwt.decode(token, KeySet.import_key_set(keys), algorithms=[expected.alg])
    joserfc.jwt.JWTClaimsRegistry(**_options(expected)).validate(decoded.claims)
    return decoded.header, decoded.claims


def _joserfc_sign(header: Json, claims: Json, jwk: Json) -> str:
    with _knowing_that_eddsa_has_a_newer_name():
        return joserfc.jwt.encode(header, claims, import_key(jwk), algorithms=[header["alg"]], default_type=None)


# --- jwcrypto --------------------------------------------------------------------------------------------


def _jwcrypto_verify(token: str, keys: Json, expected: Expected) -> tuple[Json, Json]:
    known = jwcrypto.jwk.JWKSet.from_json(json.dumps(keys))
    demanded = {"iss": expected.iss, "aud": expected.aud, **dict.fromkeys(ESSENTIAL)}
    decoded = jwcrypto.jwt.JWT(check_claims=demanded, algs=[expected.alg], expected_type="JWS")
    decoded.deserialize(token, known)
    return json.loads(decoded.header), json.loads(decoded.claims)


def _jwcrypto_sign(header: Json, claims: Json, jwk: Json) -> str:
    made = jwcrypto.jwt.JWT(header=header, claims=claims)
    made.make_signed_token(jwcrypto.jwk.JWK(**jwk))
    return str(made.serialize())


# --- authlib ---------------------------------------------------------------------------------------------


def _authlib_verify(token: str, keys: Json, expected: Expected) -> tuple[Json, Json]:
    known = authlib.jose.JsonWebKey.import_key_set(keys)
    decoded = authlib.jose.JsonWebToken([expected.alg]).decode(token, known, claims_options=_options(expected))
    decoded.validate()
    return decoded.header, dict(decoded)


def _authlib_sign(header: Json, claims: Json, jwk: Json) -> str:
    key = authlib.jose.JsonWebKey.import_key(jwk)
    return str(authlib.jose.JsonWebToken([header["alg"]]).encode(header, claims, key, check=False).decode())


# --- jose of npm -----------------------------------------------------------------------------------------


def _node(question: Json) -> Any:
    folder = install(ROOT / "tests/clients")
    command = [require_program("node"), "node/jose.mjs"]
    done = run(command, cwd=folder, env=clean_environment(), given=json.dumps(question))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _node_verify(tokens: list[str], keys: Json, expected: Expected) -> list[Verdict]:
    return list(_node({"verify": tokens, "keys": keys, "expected": expected._asdict(), "essential": ESSENTIAL}))


def _node_sign(header: Json, claims: Json, jwk: Json) -> str:
    return str(_node({"sign": claims, "header": header, "jwk": jwk}))


LIBRARIES = {
    "joserfc": Library(_one_by_one(_joserfc_verify, JoseError, ValueError), _joserfc_sign),
    "jwcrypto": Library(_one_by_one(_jwcrypto_verify, JWException, ValueError), _jwcrypto_sign),
    "authlib": Library(_one_by_one(_authlib_verify, authlib.jose.JoseError, ValueError), _authlib_sign),
    "jose of npm": Library(_node_verify, _node_sign),
}
