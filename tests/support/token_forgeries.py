"""What can be made of a live token by hand: every forgery that the tests know, by its row (T01 to T20)."""

import base64
import hmac
import json
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support import people
from tests.support.forge import REMOVED
from tests.support.settings import PUBLIC_URL, SECRET_KEY

# --- making tokens by hand -------------------------------------------------------------------------------


class Live(NamedTuple):
    """A live token and what is in it."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]


Forgery = Callable[[Live], str]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(*parts: dict[str, Any] | str | bytes, key: str = SECRET_KEY, digest: str = "sha256") -> str:
    """Return a JWS by HMAC over exactly this header and payload; bytes are taken as they are."""
    texts = [json.dumps(part) if isinstance(part, dict) else part for part in parts]
    signed = ".".join(b64(text.encode() if isinstance(text, str) else text) for text in texts)
    return f"{signed}.{b64(hmac.new(key.encode(), signed.encode(), digest).digest())}"


def merge(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    new = {**old, **{name: value(old) if callable(value) else value for name, value in changes.items()}}
    return {name: value for name, value in new.items() if value is not REMOVED}


def header(*, key: str = SECRET_KEY, digest: str = "sha256", **fields: Any) -> Forgery:
    """The live token with header fields changed (a function is given the old header) and signed again."""
    return lambda live: sign(merge(live.header, fields), live.claims, key=key, digest=digest)


def claims(**fields: Any) -> Forgery:
    """The live token with claims changed (a function is given the old claims) and signed again with the right key."""
    return lambda live: sign(live.header, merge(live.claims, fields))


def later(seconds: int) -> Callable[[dict[str, Any]], int]:
    return lambda old: int(old["iat"]) + seconds


def segments(change: Callable[[str, str, str], str]) -> Forgery:
    return lambda live: change(*live.text.split("."))


def unsigned(algorithm: str) -> Forgery:
    return lambda live: sign({**live.header, "alg": algorithm}, live.claims).rpartition(".")[0] + "."


def signed_by_rsa(algorithm: str) -> Forgery:
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return lambda live: jwt.encode(live.claims, own, algorithm=algorithm, headers=live.header | {"alg": algorithm})


def with_odd_signature(character: str, written: str) -> Forgery:
    """A token rightly signed, whose signature has `character`, written in base64's other spelling."""

    def forge(live: Live) -> str:
        made = (sign(live.header, {**live.claims, "jti": str(number)}).rpartition(".") for number in range(999))
        head, dot, signature = next(parts for parts in made if character in parts[2][:-1])
        return head + dot + signature.replace(character, written)

    return forge


def trailing_bit(live: Live) -> str:
    """The same signature bytes in another spelling: a bit set that the last character leaves unused."""
    return live.text[:-1] + chr(ord(live.text[-1]) + 1)


def doubled(where: str, name: str, first: Any) -> Forgery:
    """A name twice in header or claims, the right value last, where most parsers take it from."""

    def forge(live: Live) -> str:
        whole = live._asdict()
        whole[where] = f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(whole[where])[1:]}"
        return sign(whole["header"], whole["claims"])

    return forge


# --- the table -------------------------------------------------------------------------------------------

OTHER_AUDIENCE = {"access": f"{PUBLIC_URL}/api/refresh", "refresh": f"{PUBLIC_URL}/api"}
SECRETS = ("", "secret", "changeme", "password", "your-256-bit-secret", "supersecret", "key", "AllYourBase", "s3cr3t",
           "0123456789abcdef", "k" * 32, SECRET_KEY[:31], SECRET_KEY + "x", SECRET_KEY.upper())  # fmt: skip
ALGORITHMS = ("none", "None", "NONE", "nOnE", "", None, 0, [], ["HS256"], REMOVED, "hs256", "HS256 ", "HS384", "HS512",
              "RS256", "PS256", "ES256", "EdDSA", "dir")  # fmt: skip
KEY_IDS = ("../../dev/null", "x' UNION SELECT '1", "key|sleep 10", "\0", "k" * 2000, "", "other", None, 0, True, [],
           ["a"], {}, lambda old: old["kid"] + " ", lambda old: [old["kid"]])  # fmt: skip
TYPES = ("JWT", "", None, 1, REMOVED, "secevent+jwt", lambda old: {"at+jwt": "rt+jwt"}.get(old["typ"], "at+jwt"),
         lambda old: old["typ"].upper(), lambda old: "application/" + old["typ"], lambda old: [old["typ"]],
         lambda old: old["typ"] + " ")  # fmt: skip
SECONDS = (10**40, 1e400, float("nan"), "123", "", True, None, [], {}, 0, -1, 253_402_300_800,
           lambda old: str(old["exp"]), lambda old: float(old["exp"]), lambda old: [old["exp"]])  # fmt: skip
COUNTS = (0, -1, 2**31, 10**40, "1", 1.0, True, None, [], [1], {})
CLAIMS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "type": ("T05", ("Refresh", "Access", "reset", "password_reset", "mfa", "", None, 1, REMOVED,
                     lambda old: {"access": "refresh"}.get(old["type"], "access"),
                     lambda old: [old["type"]], lambda old: old["type"] + " ")),
    "iss": ("T06", ("http", PUBLIC_URL[:-1], PUBLIC_URL + "/", PUBLIC_URL.upper(), PUBLIC_URL + ".evil.example", "",
                    None, 1, [PUBLIC_URL], REMOVED, "https://localhost:8000")),
    "aud": ("T06", (["other"], PUBLIC_URL, PUBLIC_URL + "/", PUBLIC_URL + "/ap", "", None, 1, {}, REMOVED,
                    lambda old: OTHER_AUDIENCE[old["type"]], lambda old: [old["aud"]],
                    lambda old: [old["aud"], "other"], lambda old: old["aud"] + "/")),
    "exp": ("T07", (*SECONDS, REMOVED, lambda old: old["iat"], lambda old: old["iat"] - 1,
                    lambda old: old["exp"] + 1, lambda old: old["iat"] + 315_360_000)),
    "iat": ("T07", (*SECONDS, REMOVED)),
    "nbf": ("T07", (*SECONDS, REMOVED)),
    "jti": ("T07", (1, None, True, [], {}, REMOVED)),
    "fresh": ("T07", (True, 0, "false", None, REMOVED)),
    "sid": ("T07", ("", "A" * 21, "A" * 23, "A" * 21 + "+", "A" * 22 + "\n", "é" * 22, None, 1, [], REMOVED,
                    lambda old: [old["sid"]])),
    "sub": ("T20", ("", "0", "01", "-1", "1 ", "1\n", "\uff11", "1.0", "9" * 19, people.EMAIL, "1 OR 1=1", 1, 1.0,
                    True, None, ["1"], {}, REMOVED)),
    "rgen": ("T07", COUNTS),
    "gen": ("T07", COUNTS),
    "auth_time": ("T07", SECONDS),
    "admin": ("T07", (True, "extra")),
}  # fmt: skip
FORGERIES: dict[str, Forgery] = {
    **{f"T01 alg {alg!r}": header(alg=alg) for alg in ALGORITHMS},
    **{f"T01 alg {alg} unsigned": unsigned(alg) for alg in ("none", "None", "NONE", "nOnE", "HS256")},
    **{f"T01 alg HS{bits}, so signed": header(alg=f"HS{bits}", digest=f"sha{bits}") for bits in (384, 512)},
    **{f"T01 {alg} by an own key": signed_by_rsa(alg) for alg in ("RS256", "PS256")},
    "T02 jwk of the attacker": header(key="k" * 32, jwk={"kty": "oct", "k": b64(b"k" * 32)}),
    **{f"T02 {name}": header(**{name: value}) for name, value in (
        ("x5u", "http://127.0.0.1:9/"), ("x5c", ["MIIB"]), ("jwk", {"kty": "oct", "k": b64(SECRET_KEY.encode())}))},
    **{f"T03 kid {kid}, signed so": header(key=key, kid=kid) for kid, key in (("/dev/null", ""), ("' UNION SE", "1"))},
    **{f"T03 kid {number}": header(kid=kid) for number, kid in enumerate(KEY_IDS)},
    **{f"T04 typ {number}": header(typ=typ) for number, typ in enumerate(TYPES)},
    **{f"{row} {name} {number}": claims(**{name: value})
       for name, (row, values) in CLAIMS.items() for number, value in enumerate(values)},
    "T08 expired": claims(**dict.fromkeys(("iat", "nbf"), later(-90)), exp=later(-31)),
    "T08 not yet issued": claims(iat=later(3600), exp=later(7200)),
    "T08 not yet valid": claims(nbf=later(3600)),
    "T09 no signature": segments(lambda head, body, _: f"{head}.{body}."),
    **{f"T09 segments: {count}": segments(lambda *parts, count=count: ".".join(parts[:count])) for count in (1, 2)},
    "T09 four segments": segments(lambda *parts: ".".join([*parts, "e30"])),
    "T12 five segments, as in JWE": segments(lambda *parts: ".".join([*parts, "e30", "e30"])),
    "T09 no header": segments(lambda _, body, signature: f".{body}.{signature}"),
    "T09 no claims": segments(lambda head, _, signature: f"{head}..{signature}"),
    "T09 signature of zeros": segments(lambda head, body, _: f"{head}.{body}.{b64(bytes(32))}"),
    "T10 + for -": with_odd_signature("-", "+"),
    "T10 / for _": with_odd_signature("_", "/"),
    "T10 unused bits": trailing_bit,
    **{f"T10 {end} behind": segments(lambda *parts, end=end: ".".join(parts) + end) for end in ("=", "%3D", "{", "A")},
    **{f"T10 {mark} inside": segments(lambda *parts, mark=mark: f".{mark}".join(parts)) for mark in "=+/%{,"},
    **{f"T12 {name}": header(**fields) for name, fields in {
        "crit unknown": {"crit": ["x"], "x": 1}, "crit empty": {"crit": []}, "crit b64": {"crit": ["b64"], "b64": True},
        "b64 false": {"b64": False}, "b64 unencoded": {"crit": ["b64"], "b64": False}, "zip": {"zip": "DEF"},
        "enc": {"enc": "A256GCM"}, "cty": {"cty": "JWT"}}.items()},
    "T12 zipped": lambda live: sign(live.header, zlib.compress(json.dumps(live.claims).encode())),
    **{f"T09 header {text}": lambda live, text=text: sign(text, live.claims)
       for text in ("[]", "null", '"HS256"', "1", "{", "", b"\xff\xfe", '{"a":' + "[" * 2500)},
    **{f"T09 claims {text[:9]}": lambda live, text=text: sign(live.header, text)
       for text in ("[]", "null", '"1"', "1", "{", "", b"\xff\xfe", "[" * 2500, '{"a":' * 500, "9" * 2500)},
    "T09 claims nested": claims(deep=json.loads("[" * 400 + "]" * 400)),
    "T09 claims in UTF-16": lambda live: sign(live.header, json.dumps(live.claims).encode("utf-16")),
    **{f"T04 {name} twice": doubled("header", name, "x") for name in ("alg", "kid", "typ")},
    **{f"T07 {name} twice": doubled("claims", name, "x") for name in ("sub", "exp", "type")},
    **{f"T19 key {number}": header(key=key) for number, key in enumerate(SECRETS)},
}  # fmt: skip
