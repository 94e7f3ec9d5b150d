"""Which keys sign and which verify, what they are called, and what is refused as a key (O01, O03)."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat

from tests.support.key_pairs import ED25519, P256, RFC8037_THUMBPRINT, RFC8037_X, pem
from tests.support.settings import SECRET_KEY, make_settings
from tests.unit.environment import PRODUCTION, refusal
from webapp.keys import key_pairs, shared_key


def test_a_key_is_called_by_its_thumbprint() -> None:
    """RFC 7638, RFC 8037 §A.3."""
    (key,) = key_pairs(pem(ED25519))
    assert (key.id, key.algorithm) == (RFC8037_THUMBPRINT, "EdDSA")
    assert key.jwk == {
        "kty": "OKP", "crv": "Ed25519", "x": RFC8037_X, "kid": RFC8037_THUMBPRINT, "alg": "EdDSA", "use": "sig",
    }  # fmt: skip


def test_what_is_published_of_a_key_is_its_public_half() -> None:
    (key,) = key_pairs(pem(P256))
    assert key.jwk
    assert key.jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key.algorithm, key.jwk["crv"]) == ("ES256", "P-256")


def test_keys_may_follow_each_other_on_one_line_and_the_first_one_signs() -> None:
    settings = make_settings(jwt_signing_key=(pem(P256) + pem(ED25519)).replace("\n", "\\n"))
    assert [key.algorithm for key in settings.access_keys.keys] == ["ES256", "EdDSA", "HS256"]
    assert settings.access_keys.signing.algorithm == "ES256"
    assert [key.algorithm for key in settings.refresh_keys.keys] == ["HS256"], "nobody else verifies refresh tokens"


def test_what_openssl_makes_is_taken() -> None:
    for algorithm in (["ed25519"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]):
        command = ["openssl", "genpkey", "-algorithm", *algorithm]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert len(key_pairs(made)) == 1


def test_previous_keys_verify_and_never_sign() -> None:
    """O03."""
    older, oldest = SECRET_KEY[::-1], SECRET_KEY.upper()
    settings = make_settings(secret_key_previous=f"{older}, {oldest}")
    assert settings.secrets == (SECRET_KEY, older, oldest)
    for ring in (settings.refresh_keys, settings.access_keys):
        assert ring.signing.id == shared_key(SECRET_KEY).id
        assert [ring.find(shared_key(secret).id) for secret in settings.secrets] == list(ring.keys)
        assert all(ring.find(kid) is None for kid in ("", None, [], 0, shared_key("x").id))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "must be private keys in PEM"),
        (pem(ED25519) + "x", "must be private keys in PEM"),
        (pem(ED25519)[:-12], "must be private keys in PEM"),
        (pem(ED25519).replace("MC4CAQ", "MC4CAg"), "holds a block that is no private key"),
        (
            ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
            "holds a block that is no private key in PEM, or one with a passphrase",
        ),
        (
            ED25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            "holds a block that is no private key",
        ),
        (pem(rsa.generate_private_key(65537, 2048)), "must be of Ed25519 or P-256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "must be of Ed25519 or P-256"),
        (pem(ED25519) + pem(ec.generate_private_key(ec.SECP256K1())), "must be of Ed25519 or P-256"),
    ],
)
def test_what_is_no_key_pair_of_ours_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    """O01: without quoting it."""
    said = refusal(monkeypatch, **PRODUCTION, JWT_SIGNING_KEY=text)
    assert f"JWT_SIGNING_KEY {why}" in said
    assert len(said.splitlines()) == 1
    assert text[40:60] not in said or not text[40:60]


@pytest.mark.parametrize(
    ("previous", "why"),
    [
        ("short", "number 1 is too short"),
        (f"{SECRET_KEY[::-1]},{'x' * 40}", "number 2 is guessable"),
        (f"{SECRET_KEY[::-1]},change-me-please-change-me-please-change-me", "number 2 is guessable"),
    ],
)
def test_a_weak_previous_key_is_refused_like_any_other(
    monkeypatch: pytest.MonkeyPatch, previous: str, why: str
) -> None:
    """O01, O03: it forges tokens just as well."""
    assert f"SECRET_KEY_PREVIOUS: {why}" in refusal(monkeypatch, **PRODUCTION, SECRET_KEY_PREVIOUS=previous)
