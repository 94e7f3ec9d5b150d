"""A token of ours, and what can be made of it for other people's libraries to look at: some of it only we refuse."""

import hmac
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
from flask import Flask

from tests.support.foreign_jose import LIBRARIES, Expected, Json
from tests.support.forge import read
from tests.support.pair_forgeries import PAIRS, by_hmac, forgeries, signed
from tests.support.settings import SECRET_KEY
from webapp import tokens
from webapp.clock import utc_now
from webapp.errors import InvalidToken


class OurToken(NamedTuple):
    """One token of its kind, the application that signed it, and the keys to verify by and to sign with."""

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


Making = Callable[[OurToken], str]


def resigned(**claims: Any) -> Making:
    """The token with claims changed (None takes one away), signed with the right key."""
    return lambda ours: _signed(ours, ours.header, {**read(ours.text), **claims})


def headed(**header: Any) -> Making:
    """The token with header fields changed (None takes one away), signed with the right key."""
    return lambda ours: _signed(ours, {**ours.header, **header}, read(ours.text))


def moved(**seconds: float) -> Making:
    """The token with instants moved by seconds, signed with the right key."""
    return lambda ours: resigned(**{name: read(ours.text)[name] + more for name, more in seconds.items()})(ours)


def _signed(ours: OurToken, *parts: Json) -> str:
    header, claims = ({name: value for name, value in part.items() if value is not None} for part in parts)
    key = PAIRS.get(ours.expected.alg, SECRET_KEY)
    return jwt.encode(claims, key, ours.expected.alg, headers={"typ": None, **header})


def text(change: Callable[[str], str]) -> Making:
    return lambda ours: change(ours.text)


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
    "typ in upper case": lambda ours: headed(typ=ours.expected.typ.upper())(ours),  # RFC 7515 §4.1.9 allows both
    "typ as a whole media type": lambda ours: headed(typ=f"application/{ours.expected.typ}")(ours),
    "a list of one audience": lambda ours: resigned(aud=[ours.expected.aud])(ours),  # the same to RFC 7519
    "a second audience": lambda ours: resigned(aud=[ours.expected.aud, "https://elsewhere.example"])(ours),
    "one more claim": resigned(role="admin"),
    "no type": resigned(type=None),  # a claim of flask-jwt-extended's, known to nobody else
    "half a second": moved(exp=0.5),  # RFC 7519 allows fractions
    "a number as the subject": resigned(sub=1),
    "a life longer than any we give": moved(exp=86_400 * 400),
}


def made(ours: OurToken, makings: dict[str, Making]) -> dict[str, str]:
    return {name: make(ours) for name, make in makings.items()}


def forged(ours: OurToken) -> dict[str, str]:
    """What is made without the right key, under the names of security.md."""
    header, claims = ours.header, read(ours.text)
    named_right = {"T04 no key id", "T04 the key id of SECRET_KEY"}  # signed with the right key: above
    if ours.expected.alg in PAIRS:
        makings = forgeries(ours.expected.alg)
        return {name: make(ours.text, header, claims) for name, make in makings.items() if name not in named_right}
    swapped = f"{by_hmac(b'x')(ours.text, header, {**claims, 'sub': '2'}).rpartition('.')[0]}."
    return {
        "changed claims": swapped + ours.text.rpartition(".")[2],
        "none": signed({**header, "alg": "none"}, claims, lambda _: b""),
        "another secret": by_hmac(SECRET_KEY[:-1].encode())(ours.text, header, claims),
        "an empty secret": by_hmac(b"")(ours.text, header, claims),
        "another hash": signed(
            {**header, "alg": "HS512"}, claims, lambda text: hmac.digest(SECRET_KEY.encode(), text, "sha512")
        ),
    }
