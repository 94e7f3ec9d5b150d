"""The cookie of known devices: only what we have signed counts, for its accounts, for its time, until it is revoked."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from itsdangerous import URLSafeSerializer

from tests.support.settings import SECRET_KEY, make_settings
from tests.support.steps import START
from webapp import known_devices
from webapp.known_devices import LIFETIME, MOST_ACCOUNTS, NOBODY, KnownDevice, first_after, read, write

OURS = make_settings()
JOHN, JANE = 1, 11
SECOND = timedelta(seconds=1)


def cookie_of(*user_ids: int, at: datetime = START) -> str:
    """Return the cookie of a browser on which each of these has signed in, a second apart."""
    device = NOBODY
    for number, user_id in enumerate(user_ids):
        device = read(OURS, write(OURS, device, user_id=user_id, now=at + number * SECOND))
    return write(OURS, device, user_id=user_ids[-1], now=at + (len(user_ids) - 1) * SECOND)


def knows(
    device: KnownDevice,
    user_id: int,
    *,
    created_at: datetime = START - LIFETIME,
    forgotten_at: datetime | None = None,
    now: datetime = START,
) -> bool:
    return device.knows(user_id, created_at=created_at, forgotten_at=forgotten_at, now=now)


# --- what counts as a cookie of ours ---------------------------------------------------------------------


def test_a_browser_on_which_somebody_signed_in_is_known_to_their_account_and_to_no_other() -> None:
    device = read(OURS, cookie_of(JOHN))
    assert knows(device, JOHN)
    assert not knows(device, JANE)
    assert not knows(NOBODY, JOHN)


@pytest.mark.parametrize("cookie", [None, "", ".", "x", "ä", "a.b", "a.b.c", "\0", "eyJuIjoiIn0", "x" * 10_000])
def test_anything_else_is_a_device_that_knows_nobody(cookie: str | None) -> None:
    assert read(OURS, cookie) == NOBODY


def test_no_account_can_be_written_into_it() -> None:
    payload, _, signature = cookie_of(JANE).rpartition(".")
    values = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    values["u"][str(JOHN)] = values["u"][str(JANE)]
    forged = base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")
    for cookie in (f"{forged}.{signature}", f"{forged}.", forged, f"{payload}.{signature[::-1]}", payload):
        assert read(OURS, cookie) == NOBODY


@pytest.mark.parametrize("salt", ["itsdangerous", "cookie-session", "wtf-csrf-token", "known devices"])
def test_what_the_same_key_signs_for_another_purpose_is_no_cookie_of_ours(salt: str) -> None:
    values = {"n": "nonce", "u": {str(JOHN): int(START.timestamp())}}
    assert read(OURS, str(URLSafeSerializer(SECRET_KEY, salt=salt).dumps(values))) == NOBODY


def test_another_installation_does_not_know_it() -> None:
    assert read(make_settings(secret_key=SECRET_KEY[::-1]), cookie_of(JOHN)) == NOBODY


# --- how long it counts ----------------------------------------------------------------------------------


def test_it_counts_for_its_lifetime_and_each_sign_in_begins_it_anew() -> None:
    device = read(OURS, cookie_of(JOHN))
    assert knows(device, JOHN, now=START + LIFETIME - SECOND)
    assert not knows(device, JOHN, now=START + LIFETIME)
    again = read(OURS, write(OURS, device, user_id=JOHN, now=START + LIFETIME - SECOND))
    assert knows(again, JOHN, now=START + 2 * LIFETIME - 2 * SECOND)


def test_one_account_does_not_prolong_another() -> None:
    device = read(OURS, cookie_of(JOHN))
    device = read(OURS, write(OURS, device, user_id=JANE, now=START + LIFETIME - SECOND))
    later = START + LIFETIME
    assert (knows(device, JANE, now=later), knows(device, JOHN, now=later)) == (True, False)


def test_an_account_that_forgot_its_devices_is_new_to_those_that_signed_in_before() -> None:
    device = read(OURS, cookie_of(JOHN, JANE))
    later = START + timedelta(days=1)
    assert knows(device, JOHN, forgotten_at=START - SECOND, now=later)
    assert not knows(device, JOHN, forgotten_at=START, now=later), "at the same second: it may have been before"
    assert not knows(device, JOHN, forgotten_at=START + SECOND, now=later)
    assert knows(device, JANE, now=later), "the other account remembers"
    again = read(OURS, write(OURS, device, user_id=JOHN, now=later))
    assert knows(again, JOHN, forgotten_at=START + SECOND, now=later)


@pytest.mark.parametrize("microseconds", [0, 1, 500_000, 999_999])
def test_a_device_that_stays_known_is_told_from_those_of_the_same_second(microseconds: int) -> None:
    forgotten_at = START + timedelta(microseconds=microseconds)
    before, kept = read(OURS, cookie_of(JOHN, at=START)), read(OURS, cookie_of(JOHN, at=first_after(forgotten_at)))
    assert [knows(device, JOHN, forgotten_at=forgotten_at, now=forgotten_at) for device in (before, kept)] == [
        False,
        True,
    ]


@pytest.mark.parametrize(("microseconds", "is_known"), [(-1, True), (0, True), (999_999, True), (1_000_000, False)])
def test_an_account_is_known_from_its_own_second_on(microseconds: int, is_known: bool) -> None:
    """Its number may have been another's, before a backup was restored."""
    created_at = START + timedelta(microseconds=microseconds)
    assert knows(read(OURS, cookie_of(JOHN)), JOHN, created_at=created_at, now=START + SECOND) is is_known


# --- what it holds ---------------------------------------------------------------------------------------


def test_a_device_keeps_its_name_whoever_signs_in_and_no_two_have_the_same() -> None:
    first = read(OURS, cookie_of(JOHN))
    assert read(OURS, write(OURS, first, user_id=JANE, now=START)).nonce == first.nonce
    names = {read(OURS, cookie_of(JOHN)).nonce for _ in range(50)}
    assert len(names) == 50
    assert min(map(len, names)) >= 16


def test_it_holds_the_latest_accounts_only_and_fits_a_cookie() -> None:
    """Signing up again and again on one browser must not grow a header that servers refuse."""
    users = range(10**9, 10**9 + MOST_ACCOUNTS + 3)
    cookie = cookie_of(*users)
    device = read(OURS, cookie)
    now = START + timedelta(minutes=1)
    assert [knows(device, user_id, now=now) for user_id in users] == [False] * 3 + [True] * MOST_ACCOUNTS
    assert len(cookie) < 1000
    device = read(OURS, write(OURS, device, user_id=users[3], now=now))
    device = read(OURS, write(OURS, device, user_id=JOHN, now=now))
    assert (knows(device, users[3], now=now), knows(device, users[4], now=now)) == (True, False), (
        "the longest away goes"
    )


def test_reading_it_changes_nothing() -> None:
    device = read(OURS, cookie_of(JOHN))
    before = dict(device.accounts)
    write(OURS, device, user_id=JANE, now=START)
    assert (device.accounts, known_devices.NOBODY.accounts) == (before, {})
