"""Rules whose absence shows only when two things meet: two credentials, two writers, a view with a will of its own."""

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask, Response
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from tests.support import people
from tests.support.settings import make_settings
from tests.support.steps import HOUR
from webapp import accounts, reauthentication, session_notes
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import User
from webapp.web.context import settings

pytestmark = pytest.mark.usefixtures("clock")


def test_no_view_can_make_an_answer_of_the_api_cacheable(app: Flask) -> None:
    """N03, H01: replaced, not added to; must-revalidate too would let a shared cache keep it."""
    answer = Response("x", headers={"Cache-Control": "public, must-revalidate, max-age=60"})
    app.add_url_rule("/api/cacheable", view_func=lambda: answer)
    assert app.test_client().get("/api/cacheable").headers.getlist("Cache-Control") == ["no-store"]


def test_signing_out_with_a_token_leaves_the_cookie_of_another_session_alone(app: Flask, user_id: int) -> None:
    """C01: without proof of where the request comes from, the cookie's session neither ends nor loses its cookie."""
    http = app.test_client()
    in_page, in_app = people.sign_in(http, transport="cookie"), people.sign_in(app.test_client())
    reply = http.post("/api/logout", headers=in_app.bearer)
    assert (reply.status_code, "Set-Cookie" in reply.headers) == (204, False)
    assert (in_page.me().status_code, in_app.me().status_code) == (200, 401)


def test_a_password_changed_while_a_sign_in_waits_for_its_hash_stays_and_the_old_one_opens_nothing(
    app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A05: the new hash replaces the one that was verified, and no other."""

    def store(password_hash: str) -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(update(User).values(password_hash=password_hash))

    def change_meanwhile(_: str) -> str:
        store("changed")
        return "renewed"

    store(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(people.PASSWORD))
    monkeypatch.setattr(accounts.passwords, "hash_password", change_meanwhile)
    body = {"email": people.EMAIL, "password": people.PASSWORD}
    assert app.test_client().post("/api/login", json=body).status_code == 401
    with app.app_context():
        assert db.session.scalars(select(User.password_hash)).one() == "changed"


def test_a_database_that_cannot_be_written_to_still_answers(
    signed_in: people.SignedIn, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L11: when a session was last seen is noted only; a full disk or a lock must not refuse what only reads."""

    def fail(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    clock.shift(HOUR)
    monkeypatch.setattr(session_notes, "update", fail)
    assert signed_in.me().status_code == 200


def test_without_refresh_a_session_still_ends_at_its_absolute_end() -> None:
    """R10: whichever is sooner, the access token's end or SESSION_MAX_DAYS."""
    days = {"refresh_token_enabled": False, "session_max_days": 0.01}
    assert make_settings(**days).session_max.total_seconds() == 864
    assert make_settings(**days, access_token_expire_minutes=1).session_max.total_seconds() == 60


def test_a_password_confirmed_holds_no_lock_while_the_caller_goes_on(app: Flask, user_id: int) -> None:
    """Z05: of two administrators who leave at once, neither waits for the other's row with their own in hand."""
    with app.app_context():
        who = {"user_id": user_id, "sid": "x", "client": COMMAND_LINE, "now": utc_now()}
        reauthentication.confirm_password(db.session, settings(), password=people.PASSWORD, **who)
        assert not db.session().in_transaction()
