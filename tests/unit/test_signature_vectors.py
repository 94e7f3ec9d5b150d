"""What verifies a signature agrees with the standards' own examples, and refuses the values at the edges of the maths.

Tested below the claims: the shape of a token and PyJWS, as webapp/token_format.py uses them. The examples' headers have
no `typ` and no `kid` of ours, for which the product refuses them all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm
from jwt.utils import base64url_decode, base64url_encode

from tests.support.key_pairs import RFC8037_X
from webapp import token_format

_CLAIMS = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
# RFC 7515, appendices A.1 and A.3; RFC 8037, appendix A.4: what is signed, and its signature.
SIGNED = {
    "HS256": (f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{_CLAIMS}", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    "ES256": (
        f"eyJhbGciOiJFUzI1NiJ9.{_CLAIMS}",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    "EdDSA": (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
}
KEYS = {
    "HS256": base64url_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
    "ES256": ECAlgorithm.from_jwk(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    ),
    "EdDSA": OKPAlgorithm.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X}),
}
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # the order of P-256 (FIPS 186-5)
L = 2**252 + 27742317777372353535851937790883648493  # the order of Ed25519's base point (RFC 8032 §5.1)
Damage = Callable[[bytes], bytes]


def is_signed(algorithm: str, signature: bytes | str) -> bool:
    """Whether the product would take `signature` for one over the example's text."""
    text = base64url_encode(signature).decode() if isinstance(signature, bytes) else signature
    token = f"{SIGNED[algorithm][0]}.{text}"
    if not token_format._SHAPE.fullmatch(token):
        return False
    return _is_taken(token, KEYS[algorithm], algorithm)


def _is_taken(token: str, key: Any, algorithm: str) -> bool:
    try:
        token_format._jws.decode_complete(token, key, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True


def ecdsa(change: Callable[[int, int], tuple[int, int]]) -> Damage:
    """A signature whose numbers r and s are changed."""

    def damage(signature: bytes) -> bytes:
        r, s = change(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        return r.to_bytes(32) + s.to_bytes(32)

    return damage


def eddsa(change: Callable[[int], int]) -> Damage:
    """A signature whose number S is changed."""
    return lambda signature: signature[:32] + change(int.from_bytes(signature[32:], "little")).to_bytes(32, "little")


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


OF_ANY: dict[str, Damage] = {
    "one bit of the first byte": lambda signature: bytes([signature[0] ^ 1]) + signature[1:],
    "one bit of the last byte": lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]),
    "its highest bit": lambda signature: signature[:-1] + bytes([signature[-1] ^ 128]),
    "a byte less": lambda signature: signature[:-1],
    "a byte more": lambda signature: signature + b"\0",
    "a byte before": lambda signature: b"\0" + signature,
    "half of it": lambda signature: signature[: len(signature) // 2],
    "twice": lambda signature: signature * 2,
    "nothing": lambda _: b"",
    "zeros": lambda signature: bytes(len(signature)),
    "ones": lambda signature: b"\xff" * len(signature),
    "halves swapped": lambda signature: signature[len(signature) // 2 :] + signature[: len(signature) // 2],
}
OF_ES256: dict[str, Damage] = {
    "r = 0": ecdsa(lambda _, s: (0, s)),
    "s = 0": ecdsa(lambda r, _: (r, 0)),
    "r = s = 1": ecdsa(lambda *_: (1, 1)),
    "r = n": ecdsa(lambda _, s: (N, s)),
    "s = n": ecdsa(lambda r, _: (r, N)),
    "r = s = n": ecdsa(lambda *_: (N, N)),
    "r = n - 1": ecdsa(lambda _, s: (N - 1, s)),
    "n - r": ecdsa(lambda r, s: (N - r, s)),
    "one more": ecdsa(lambda r, s: (r, s + 1)),
    "in DER": _der,  # what most other protocols send
}
OF_EDDSA: dict[str, Damage] = {
    "S + L": eddsa(lambda number: number + L),  # the same number to the curve; RFC 8032 §5.1.7 refuses it
    "S + 2L": eddsa(lambda number: number + 2 * L),
    "L - S": eddsa(lambda number: L - number),
    "S = 0": eddsa(lambda _: 0),
    "S = L": eddsa(lambda _: L),
    "R is the neutral point": lambda signature: b"\x01" + bytes(31) + signature[32:],
    "R is the neutral point, S = 0": lambda _: b"\x01" + bytes(63),
    "R is no point": lambda signature: b"\x02" + bytes(31) + signature[32:],
}
DAMAGED: list[Any] = [
    *[("HS256", name, damage) for name, damage in OF_ANY.items()],
    *[("ES256", name, damage) for name, damage in {**OF_ANY, **OF_ES256}.items()],
    *[("EdDSA", name, damage) for name, damage in {**OF_ANY, **OF_EDDSA}.items()],
]


@pytest.mark.parametrize("algorithm", SIGNED)
def test_the_standards_examples_are_signed(algorithm: str) -> None:
    assert is_signed(algorithm, SIGNED[algorithm][1])


@pytest.mark.parametrize(
    ("algorithm", "name", "damage"), DAMAGED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_damaged_signature_is_none(algorithm: str, name: str, damage: Damage) -> None:
    """T04."""
    assert not is_signed(algorithm, damage(base64url_decode(SIGNED[algorithm][1])))


@pytest.mark.parametrize("algorithm", SIGNED)
def test_a_signature_has_one_spelling(algorithm: str) -> None:
    """RFC 8725 §3.14: no padding, no other alphabet, no bits left over, nothing around it."""
    text = SIGNED[algorithm][1]
    others = [text + "=" * (-len(text) % 4), text[:-1] + chr(ord(text[-1]) + 1), f"{text}\n", f"{text} ", f"{text}?"]
    others += [text.replace("-", "+").replace("_", "/"), f"{text[:9]}\n{text[9:]}"]
    assert [other for other in others if other == text or is_signed(algorithm, other)] == []


def test_of_two_signatures_that_ecdsa_has_for_each_both_are_signed() -> None:
    """FIPS 186-5: n - s verifies as s does. So a token's text is no name for it; the row of its session decides."""
    assert is_signed("ES256", ecdsa(lambda r, s: (r, N - s))(base64url_decode(SIGNED["ES256"][1])))


# --- Wycheproof ------------------------------------------------------------------------------------------
# Project Wycheproof's JWS of the algorithms that we have: keys, tokens by the number of their test, and whether they
# are valid. (https://github.com/C2SP/wycheproof, testvectors_v1/json_web_signature_test.json, Apache License 2.0.)
# Those about a key's `use` are left out: ours come from settings, without one.
WYCHEPROOF = json.loads((Path(__file__).parent / "wycheproof_jws.json").read_text())
HAVE_A_FOREIGN_CHARACTER = {"372", "373"}  # a "?", and yet called valid; RFC 7515 §2 knows no such character
CANNOT_BE_TOLD = {"367", "370"}  # called invalid, and letter for letter the valid 357


@pytest.mark.parametrize("group", WYCHEPROOF, ids=lambda group: f"{group['alg']}-{min(group['valid'])}")
def test_wycheproof_is_agreed_with(group: dict[str, Any]) -> None:
    kind = HMACAlgorithm if group["alg"] == "HS256" else ECAlgorithm
    key = kind.from_jwk(group["key"])
    taken = {
        number
        for number, token in {**group["valid"], **group["invalid"]}.items()
        if token_format._SHAPE.fullmatch(token) and _is_taken(token, key, group["alg"])
    }
    assert taken - CANNOT_BE_TOLD == group["valid"].keys() - HAVE_A_FOREIGN_CHARACTER


def test_wycheproof_has_not_shrunk() -> None:
    assert sum(len(group["valid"]) + len(group["invalid"]) for group in WYCHEPROOF) == 79
