"""An application that mails, with somebody to mail to whose name is markup."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.mail_kinds import MARKUP, SID
from tests.support.steps import START
from webapp.database import db
from webapp.models import AuthSession


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(START, tick=False):
        yield


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: words do not depend on the database."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Flask]:
    """The product with a user whose name is markup, and a sign-in of theirs; a test runs in its context."""
    app = make_app(mail_url=f"file://{tmp_path}/mail")
    user_id = people.create_user(app, first_name=MARKUP)
    with app.app_context():
        db.session.add(_session_of(user_id))
        db.session.commit()
        yield app


def _session_of(user_id: int) -> AuthSession:
    moments = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at", "refresh_expires_at", "expires_at")
    return AuthSession(
        id=SID, user_id=user_id, transport="cookie", remember=True, ip="192.0.2.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        **dict.fromkeys(moments, START),
    )  # fmt: skip
