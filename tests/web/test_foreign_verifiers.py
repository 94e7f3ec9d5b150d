"""Other people's libraries take our tokens and refuse what we refuse, and we take theirs (joserfc, jwcrypto, authlib,
jose of npm)."""

import hmac
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jwt
import pytest
from flask import Flask
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.foreign_jose import LIBRARIES, Expected, Json
from tests.support.forge import read
from tests.support.key_pairs import pem
from tests.support.pair_forgeries import PAIRS, by_hmac, forgeries, signed
from tests.support.settings import PUBLIC_URL, SECRET_KEY, make_settings
from tests.support.steps import me, refresh
from webapp import create_app, tokens
from webapp.clock import utc_now
from webapp.errors import InvalidToken
from webapp.keys import shared_key

KINDS = [("HS256", "access"), ("HS256", "refresh"), ("EdDSA", "access"), ("ES256", "access")]


class World(NamedTuple):
    """A kind of token: the application that signs it, one of its tokens, and the keys to verify by and to sign with."""

    app: Flask
    kind: str
    text: str
    keys: Json
    jwk: Json
    expected: Expected

    @property
    def header(self) -> Json:
        return jwt.get_unverified_header(self.text)

    def is_taken_by_us(self, token: str) -> bool:
        verify = tokens.verify_access if self.kind == "access" else tokens.verify_refresh
        try:
            verify(self.app.extensions["settings"], token, now=utc_now())
        except InvalidToken:
            return False
        return True

    def taken(self, library: str, texts: dict[str, str]) -> set[str]:
        """Return the names of those tokens that a library takes."""
        verdicts = LIBRARIES[library].verify(list(texts.values()), self.keys, self.expected)
        return {name for name, verdict in zip(texts, verdicts, strict=True) if verdict is not None}


Making = Callable[[World], str]


def _private(algorithm: str) -> Json:
    if algorithm == "HS256":
        return dict(HMACAlgorithm.to_jwk(SECRET_KEY.encode(), as_dict=True))
    return dict((OKPAlgorithm if algorithm == "EdDSA" else ECAlgorithm).to_jwk(PAIRS[algorithm], as_dict=True))


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    algorithm, kind = request.param
    url = fresh_database("sqlite", tmp_path_factory.mktemp("foreign"))
    pair = pem(PAIRS[algorithm]) if algorithm in PAIRS else ""
    app = create_app(make_settings(database_url=url, jwt_signing_key=pair))
    people.create_user(app)
    session = people.sign_in(app.test_client())
    keys, jwk = app.test_client().get("/.well-known/jwks.json").json, _private(algorithm)
    if algorithm == "HS256":  # nobody publishes it: whoever verifies by it could sign as well
        keys = {"keys": [{**jwk, "kid": shared_key(SECRET_KEY).id, "alg": "HS256", "use": "sig"}]}
    audience, typ = (f"{PUBLIC_URL}/api", "at+jwt") if kind == "access" else (f"{PUBLIC_URL}/api/refresh", "rt+jwt")
    text = session.access if kind == "access" else session.refresh or ""
    yield World(app, kind, text, keys, jwk, Expected(algorithm, PUBLIC_URL, audience, typ))
    with app.app_context():
        close_connections()


# --- tokens of ours, and what is made of them ------------------------------------------------------------


def resigned(**claims: Any) -> Making:
    """The token with claims changed (None takes one away), signed with the right key."""
    return lambda world: _signed(world, world.header, {**read(world.text), **claims})


def headed(**header: Any) -> Making:
    """The token with header fields changed (None takes one away), signed with the right key."""
    return lambda world: _signed(world, {**world.header, **header}, read(world.text))


def moved(**seconds: float) -> Making:
    """The token with instants moved by seconds, signed with the right key."""
    return lambda world: resigned(**{name: read(world.text)[name] + more for name, more in seconds.items()})(world)


def _signed(world: World, *parts: Json) -> str:
    header, claims = ({name: value for name, value in part.items() if value is not None} for part in parts)
    key = PAIRS.get(world.expected.alg, SECRET_KEY)
    return jwt.encode(claims, key, world.expected.alg, headers={"typ": None, **header})


def text(change: Callable[[str], str]) -> Making:
    return lambda world: change(world.text)


# What nobody takes: each of them is an attack or is for somebody else (RFC 8725 §3, RFC 9068 §4).
REFUSED_BY_ALL: dict[str, Making] = {
    "a character of the signature cut off": text(lambda token: token[:-1]),
    "two cut off": text(lambda token: token[:-2]),
    "no signature": text(lambda token: token.rpartition(".")[0] + "."),
    "no third part": text(lambda token: token.rpartition(".")[0]),
    "a longer signature": text(lambda token: f"{token}AAAA"),
    "a fourth part": text(lambda token: f"{token}.x"),
    "expired": moved(iat=-200, nbf=-200, exp=-86_400 * 40),
    "not valid yet": moved(iat=600, nbf=600),
    "another issuer": resigned(iss="https://elsewhere.example"),
    "another audience": resigned(aud="https://elsewhere.example/api"),
    "no nbf": resigned(nbf=None),
    "typ of any JWT": headed(typ="JWT"),
    "no typ": headed(typ=None),
    "a critical field nobody knows": headed(crit=["x"], x=1),
}
# What some take and we do not: nobody but us makes these tokens, and what we would not have written, somebody else has.
STRICTER: dict[str, Making] = {
    "padding": text(lambda token: token + "=" * (-len(token.rpartition(".")[2]) % 4)),  # RFC 7515 §2 leaves it out
    "the bits that a signature's last character leaves unused": text(
        lambda token: token[:-1] + chr(ord(token[-1]) + 1)
    ),
    "a line's end": text(lambda token: f"{token}\n"),
    "no key id": headed(kid=None),  # optional in RFC 7515; we always name a key, and look it up by nothing else
    "one more header field": headed(x="y"),
    "an address to fetch keys from": headed(jku="https://elsewhere.example/keys"),  # ignored by all, refused by us
    "typ in upper case": lambda world: headed(typ=world.expected.typ.upper())(world),  # RFC 7515 §4.1.9 allows both
    "typ as a whole media type": lambda world: headed(typ=f"application/{world.expected.typ}")(world),
    "a list of one audience": lambda world: resigned(aud=[world.expected.aud])(world),  # the same to RFC 7519
    "a second audience": lambda world: resigned(aud=[world.expected.aud, "https://elsewhere.example"])(world),
    "one more claim": resigned(role="admin"),
    "no type": resigned(type=None),  # a claim of flask-jwt-extended's, known to nobody else
    "half a second": moved(exp=0.5),  # RFC 7519 allows fractions
    "a number as the subject": resigned(sub=1),
    "a life longer than any we give": moved(exp=86_400 * 400),
}


def made(world: World, makings: dict[str, Making]) -> dict[str, str]:
    return {name: make(world) for name, make in makings.items()}


def forged(world: World) -> dict[str, str]:
    """What is made without the right key, under the names of security.md."""
    header, claims = world.header, read(world.text)
    named_right = {"T04 no key id", "T04 the key id of SECRET_KEY"}  # signed with the right key: above
    if world.expected.alg in PAIRS:
        makings = forgeries(world.expected.alg)
        return {name: make(world.text, header, claims) for name, make in makings.items() if name not in named_right}
    swapped = f"{by_hmac(b'x')(world.text, header, {**claims, 'sub': '2'}).rpartition('.')[0]}."
    return {
        "changed claims": swapped + world.text.rpartition(".")[2],
        "none": signed({**header, "alg": "none"}, claims, lambda _: b""),
        "another secret": by_hmac(SECRET_KEY[:-1].encode())(world.text, header, claims),
        "an empty secret": by_hmac(b"")(world.text, header, claims),
        "another hash": signed(
            {**header, "alg": "HS512"}, claims, lambda text: hmac.digest(SECRET_KEY.encode(), text, "sha512")
        ),
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_takes_what_we_sign(world: World, library: str) -> None:
    """And a token signed anew, unchanged: else the refusals below would show nothing but a bad forger."""
    verify, anew = LIBRARIES[library].verify, resigned()(world)
    assert verify([world.text, anew], world.keys, world.expected) == [read(world.text)] * 2
    assert world.is_taken_by_us(anew)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_refuses_what_we_refuse(world: World, library: str) -> None:
    """T01 to T04, and claims that are not for the one who reads them."""
    wrong = {**forged(world), **made(world, REFUSED_BY_ALL)}
    assert world.taken(library, wrong) == set()
    assert {name for name, token in wrong.items() if world.is_taken_by_us(token)} == set()


def test_where_we_are_stricter_somebody_is_not(world: World) -> None:
    odd = made(world, STRICTER)
    assert set().union(*(world.taken(library, odd) for library in LIBRARIES)) == set(odd)
    assert {name for name, token in odd.items() if world.is_taken_by_us(token)} == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_we_take_what_a_library_signs_with_our_key(world: World, library: str) -> None:
    """Its JSON has other spaces and another order than ours."""
    claims = {**dict(reversed(read(world.text).items())), "jti": library}
    token = LIBRARIES[library].sign(world.header, claims, world.jwk)
    assert read(token) == claims
    http = world.app.test_client()
    assert (me(http, token) if world.kind == "access" else refresh(http, token).status_code) == 200
