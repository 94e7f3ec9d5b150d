"""A live token, touched anywhere or too long, is refused (T09, T10, T13)."""

import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import people
from tests.support.forge import forge, read
from tests.support.fuzzing import TEXT, app_of, fuzzed
from webapp import tokens
from webapp.errors import InvalidToken

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"  # in base64url's order


def verify(session: people.SignedIn, kind: str, token: str) -> Any:
    check = tokens.verify_access if kind == "access" else tokens.verify_refresh
    now = datetime.fromtimestamp(read(session.access)["iat"], UTC)
    return check(app_of(session).extensions["settings"], token, now=now)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_character_of_a_token_can_be_another(session, kind) -> None:
    """T09, T10: at every position each single bit of the character is flipped, and a stranger is put there."""
    live = getattr(session, kind)
    assert verify(session, kind, live)
    for position, right in enumerate(live):
        value = ALPHABET.find(right)
        flipped = [ALPHABET[value ^ bit] for bit in (1, 2, 4, 8, 16, 32)] if right != "." else []
        for other in (*flipped, *".=+/ é".replace(right, "")):
            with pytest.raises(InvalidToken):
                verify(session, kind, live[:position] + other + live[position + 1 :])


@fuzzed
@given(start=st.integers(0, 460), cut=st.integers(0, 30), put=st.text(ALPHABET + ".=+/%\n", max_size=30) | TEXT)
def test_an_edited_token_is_refused_or_is_the_same_token(session, start, cut, put) -> None:
    """T09"""
    for kind in ("access", "refresh"):
        live = getattr(session, kind)
        edited = live[:start] + put + live[start + cut :]
        if edited != live:
            with pytest.raises(InvalidToken):
                verify(session, kind, edited)


def test_a_token_may_have_4096_characters_and_not_more(session) -> None:
    """T13: rightly signed as it is, the longer one is not even looked at."""
    made = (forge(session.access, jti="x" * length) for length in range(2600, 2800))
    sizes = {len(token): token for token in made}
    longest, too_long = max(size for size in sizes if size <= 4096), min(size for size in sizes if size > 4096)
    assert too_long - longest < 3
    assert session.me(sizes[longest]).status_code == 200
    assert session.me(sizes[too_long]).status_code == 401
