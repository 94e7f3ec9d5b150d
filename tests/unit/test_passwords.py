"""Password hashing: argon2id at OWASP's parameters (A04), lengths (A06), Unicode kept as it was typed (A07)."""

import os
import re
import sys
import threading
import unicodedata

import pytest
from argon2 import PasswordHasher

from webapp import passwords
from webapp.errors import InvalidFields

pytestmark = pytest.mark.real_hashes
PASSWORD = "correct horse battery staple"


def test_a_hash_is_a_phc_string_of_argon2id_with_owasps_parameters_and_16_bytes_of_salt() -> None:
    """A04."""
    match = re.fullmatch(
        r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)",
        passwords.hash_password(PASSWORD),
    )
    assert match
    memory, time, parallelism = (int(text) for text in match.group(1, 2, 3))
    assert (memory, time, parallelism) == (19456, 2, 1)
    salt, digest = match.group(4, 5)
    assert len(salt) * 6 // 8 >= 16
    assert len(digest) * 6 // 8 >= 32


def test_the_same_password_never_has_the_same_hash_twice() -> None:
    """A04: the salt is random."""
    assert passwords.hash_password(PASSWORD) != passwords.hash_password(PASSWORD)


def test_the_right_password_verifies_and_a_wrong_one_does_not() -> None:
    stored = passwords.hash_password(PASSWORD)
    assert passwords.verify_password(stored, PASSWORD)
    assert not passwords.verify_password(stored, PASSWORD + "x")


@pytest.mark.parametrize(
    ("password", "other"),
    [
        ("a" * 79 + "b", "a" * 79 + "c"),
        ("x" * 1023 + "y", "x" * 1023 + "z"),
        (PASSWORD, PASSWORD.upper()),
        (PASSWORD, f" {PASSWORD}"),
        (PASSWORD, f"{PASSWORD} "),
        (PASSWORD, PASSWORD.replace(" ", "")),
        ("emoji 🌲🌲🌲🌲", "emoji 🌲🌲🌲🌳"),
        ("before\0after", "before\0other"),
        ("before\0after", "before"),
        ("ﬁle-ligature", "file-ligature"),
        ("straße-12345", "strasse-12345"),
    ],
)
def test_nothing_is_cut_off_trimmed_folded_or_made_alike(password: str, other: str) -> None:
    """A07: bcrypt would fail the first, NFKC the last but one."""
    stored = passwords.hash_password(password)
    assert passwords.verify_password(stored, password)
    assert not passwords.verify_password(stored, other)


def test_a_password_is_the_same_in_every_unicode_form_a_keyboard_may_send() -> None:
    """A07: NFC."""
    composed, decomposed = (unicodedata.normalize(form, "pässwörd-é") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert passwords.verify_password(passwords.hash_password(composed), decomposed)
    assert passwords.verify_password(passwords.hash_password(decomposed), composed)


@pytest.mark.parametrize("length", [8, 64, 128, 1024])
def test_lengths_from_the_minimum_to_1024_code_points_are_taken(length: int) -> None:
    """A06, A08: fifteen equal letters too; there are no composition rules."""
    passwords.check_length("a" * length, minimum=8)
    passwords.check_length("🌲" * length, minimum=8)


@pytest.mark.parametrize("length", [0, 7, 1025, 100_000])
def test_other_lengths_are_refused_before_anything_is_hashed(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """A06."""
    monkeypatch.setattr(passwords, "_hasher", None)
    with pytest.raises(InvalidFields) as caught:
        passwords.check_length("🌲" * length, minimum=8)
    assert list(caught.value.errors) == ["password"]


def test_code_points_are_counted_in_the_form_that_is_hashed() -> None:
    """A06, A07: seven letters with separate accents are seven."""
    with pytest.raises(InvalidFields):
        passwords.check_length(unicodedata.normalize("NFD", "é" * 7), minimum=8)
    passwords.check_length(unicodedata.normalize("NFD", "é" * 1024), minimum=8)


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$v=19$m=19456,t=2,p=1$", "pbkdf2:sha256$1$a$b"])
def test_nobodys_hash_and_a_damaged_one_are_never_right(stored: str | None) -> None:
    """A02: not even for the password that nobody's hash was made of."""
    assert not passwords.verify_password(stored, PASSWORD)
    assert not passwords.verify_password(stored, "nobody has this password")


def test_nobodys_hash_costs_what_a_real_one_costs() -> None:
    """A02: the same parameters."""
    parameters = passwords.hash_password(PASSWORD).split("$")[2:4]
    assert passwords._nobodys_hash(passwords._hasher).split("$")[2:4] == parameters


@pytest.mark.parametrize(
    "changed", [{"time_cost": 1}, {"memory_cost": 8}, {"parallelism": 2}, {"hash_len": 16}, {"salt_len": 8}]
)
def test_a_hash_of_other_parameters_is_due_for_renewal(changed: dict[str, int]) -> None:
    """A05."""
    parameters = {"time_cost": 2, "memory_cost": 19456, "parallelism": 1, **changed}
    assert passwords.needs_rehash(PasswordHasher(**parameters).hash(PASSWORD))


def test_a_hash_of_the_parameters_in_force_is_not_due() -> None:
    """A05."""
    assert not passwords.needs_rehash(passwords.hash_password(PASSWORD))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows a niceness for each thread: NOT shown here")
def test_hashing_gives_way_to_calls_that_take_a_millisecond() -> None:
    passwords.hash_password("a new thread, if there was none")
    (hashing,) = (thread for thread in threading.enumerate() if thread.name.startswith("argon2"))
    assert os.getpriority(os.PRIO_PROCESS, hashing.native_id) == passwords.NICENESS
