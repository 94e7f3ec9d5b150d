"""Secrets at rest: what SECRET_KEY seals only SECRET_KEY opens, and only as what it was sealed for."""

import base64
import hashlib

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.support.settings import SECRET_KEY, make_settings
from webapp.sealing import SealBroken, seal, unseal

SEED = "JBSWY3DPEHPK3PXP"
OURS = make_settings()
OTHERS = make_settings(secret_key=SECRET_KEY[::-1])


@pytest.mark.parametrize("text", [SEED, "", "🌲 ünïcode", "a" * 10_000])
def test_what_is_sealed_can_be_read_back(text: str) -> None:
    assert unseal(OURS, seal(OURS, text)) == text


def test_the_sealed_text_tells_nothing_not_even_that_two_are_the_same() -> None:
    first, second = seal(OURS, SEED), seal(OURS, SEED)
    assert first != second
    for sealed in (first, second):
        assert SEED not in sealed
        assert SEED.encode() not in base64.urlsafe_b64decode(sealed)
        assert len(sealed) <= 255, "the column that it goes into"


def test_another_key_does_not_open_it() -> None:
    """After a change of SECRET_KEY the product says so, and takes nothing for the secret."""
    with pytest.raises(SealBroken):
        unseal(OTHERS, seal(OURS, SEED))
    assert unseal(OTHERS, seal(OTHERS, SEED)) == SEED


def test_no_bit_of_it_can_be_changed() -> None:
    sealed = bytearray(base64.urlsafe_b64decode(seal(OURS, SEED)))
    for position in range(len(sealed)):
        changed = bytes(sealed[:position]) + bytes([sealed[position] ^ 1]) + bytes(sealed[position + 1 :])
        with pytest.raises(SealBroken):
            unseal(OURS, base64.urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize("text", ["", "x", SEED, "gAAAAA", "gAAAAA" + "A" * 94])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(SealBroken):
        unseal(OURS, text)


def test_a_part_of_it_does_not_open() -> None:
    sealed = seal(OURS, SEED)
    for part in (sealed[:-1], sealed[1:], sealed[:-4], sealed[: len(sealed) // 2]):
        with pytest.raises(SealBroken):
            unseal(OURS, part)


def _derived(purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(SECRET_KEY.encode())


@pytest.mark.parametrize(
    "key",
    [SECRET_KEY.encode()[:32], hashlib.sha256(SECRET_KEY.encode()).digest(), _derived(b"evergreen: anything else")],
    ids=["the key itself", "its digest", "derived for another purpose"],
)
def test_a_key_of_another_purpose_seals_nothing_that_opens_here(key: bytes) -> None:
    """Whoever gets hold of one of the keys that come of SECRET_KEY has not got this one."""
    box = Fernet(base64.urlsafe_b64encode(key))
    with pytest.raises(SealBroken):
        unseal(OURS, box.encrypt(SEED.encode()).decode())
