"""What has had its password compared and what takes the session or the password away take turns: whoever comes second
sees the first."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import Executable, update

from tests.support import people
from tests.support.steps import START
from tests.support.underway import DOORS, Plan, call
from webapp.database import db
from webapp.models import AuthSession, User
from webapp.revocation import EndReason

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    "meanwhile",
    [
        (update(AuthSession).values(revoked_reason=EndReason.ENDED_BY_USER, revoked_at=START), "session_ended"),
        (update(User).values(password_hash="another"), "invalid_fields"),
    ],
    ids=["the session ends", "the password changes"],
)
@pytest.mark.parametrize("door", [*DOORS, "POST /api/me/reauthenticate"])
def test_what_has_the_password_waits_for_what_takes_it_away_and_is_not_yet_committed(
    app: Flask, signed_in: people.SignedIn, after_the_password: Plan, door: str, meanwhile: tuple[Executable, str]
) -> None:
    """V04, V05: that comes first, and what the thief of a password asks for does not outlive it."""
    (change, refusal), is_made = meanwhile, Event()

    def take_away() -> None:
        with app.app_context():
            db.session.execute(change)
            is_made.set()
            time.sleep(0.3)
            db.session.commit()

    with ThreadPoolExecutor(1) as thread:

        def begin() -> None:
            thread.submit(take_away)
            assert is_made.wait(5)

        after_the_password(begin)
        assert call(signed_in, door).json["code"] == refusal
