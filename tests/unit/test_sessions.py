"""Where sessions end by themselves (R10), and what a dump of the database is worth (R15)."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support import forge, people
from tests.support.steps import DAY, START, assert_refused, me, refresh, successor
from webapp import sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import Base, db
from webapp.models import AuthSession, SessionRefresh, User
from webapp.session_notes import note_refresh
from webapp.session_state import SessionState

pytestmark = pytest.mark.usefixtures("clock")


def test_no_id_begins_with_a_dash(app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would be an option on a command line, and a formula in a sheet."""
    drawn = iter(["-AAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBB-"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))
    assert forge.read(people.sign_in(app.test_client()).access)["sid"] == "BBBBBBBBBBBBBBBBBBBBB-"


# --- ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cookie", "body"])
def test_no_refresh_prolongs_a_session_past_its_absolute_end(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str
) -> None:
    """R10: refreshed daily, over after thirty days."""
    token = people.sign_in(http, transport=how).refresh
    end = int(START.timestamp()) + 30 * DAY
    for _ in range(29):
        clock.shift(DAY)
        reply = refresh(http, token, how)
        token = successor(reply)
        assert forge.read(token)["exp"] <= end
        assert forge.read(reply.json["access_token"])["exp"] <= end
    assert forge.read(token)["exp"] == end
    clock.shift(DAY - 1)
    reply = refresh(http, token, how)
    assert reply.json["expires_in"] == 1
    clock.shift(1)
    assert_refused(refresh(http, token, how), "session_ended")
    assert me(http, reply.json["access_token"]) == 401


@pytest.mark.parametrize(("seconds", "status"), [(9, 200), (10, 401)])
def test_a_refresh_token_that_was_not_used_expires_by_itself(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, seconds: int, status: int
) -> None:
    """R10: the idle end, and ten seconds of skew between hosts."""
    app = make_app(refresh_token_expire_days=2, session_max_days=9)
    people.create_user(app)
    client = people.sign_in(app.test_client(), transport="cookie")
    clock.shift(2 * DAY + seconds)
    reply = refresh(client.http, client.refresh, "cookie")
    assert reply.status_code == status
    assert status == 200 or reply.json["code"] == "token_expired"
    assert ("Max-Age=0" in reply.headers.get("Set-Cookie", "")) == (status == 401)


@pytest.mark.parametrize(("day", "idle_end"), [(1, 3), (8, 9)])
def test_the_idle_end_moves_on_with_each_confirmation_as_far_as_the_absolute_one(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, day: int, idle_end: int
) -> None:
    """R10: what lists and purging go by."""
    app = make_app(refresh_token_expire_days=2, session_max_days=9)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    token = client.refresh or ""
    for _ in range(day):
        clock.shift(DAY)
        reply = refresh(client.http, token)
        token = successor(reply)
        assert me(client.http, reply.json["access_token"]) == 200
    with app.app_context():
        assert db.session.scalars(select(AuthSession.refresh_expires_at)).one() == START + timedelta(days=idle_end)


def test_an_access_token_that_could_live_longer_ends_with_its_session(make_app: Callable[..., Flask]) -> None:
    """R10."""
    app = make_app(access_token_expire_minutes=3 * 1440, session_max_days=1)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    assert forge.read(client.access)["exp"] == forge.read(client.refresh)["exp"] == int(START.timestamp()) + DAY


def test_the_tokens_of_a_deleted_user_open_nothing(app: Flask, signed_in: people.SignedIn) -> None:
    """V06, T20: not even the next account."""
    with app.app_context():
        db.session.delete(db.session.scalars(select(User)).one())
        db.session.commit()
    people.create_user(app)
    assert_refused(signed_in.me(), "session_ended")
    assert_refused(refresh(signed_in.http, signed_in.refresh), "session_ended")


# --- what happens between a read and a write -------------------------------------------------------------


@pytest.mark.parametrize("shows", ["refresh", "access"])
def test_a_session_that_is_ended_while_its_successor_is_being_confirmed_stays_ended(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, shows: str
) -> None:
    """R12: the request has read a live row; the sign-out commits; then the confirmation is written."""
    second = refresh(signed_in.http, signed_in.refresh)
    find = sessions.find

    def find_and_end(*args: Any) -> SessionState:
        state = find(*args)
        monkeypatch.setattr(sessions, "find", find)
        assert app.test_client().post("/api/logout", headers=signed_in.bearer).status_code == 204
        return state

    monkeypatch.setattr(sessions, "find", find_and_end)
    if shows == "refresh":
        assert_refused(refresh(signed_in.http, successor(second)), "session_ended")
    else:
        assert me(signed_in.http, second.json["access_token"]) == 401
    with app.app_context():
        row = db.session.scalars(select(AuthSession)).one()
        assert (row.generation, row.revoked_reason) == (1, "signed_out")


def test_a_slower_confirmation_does_not_take_the_session_back(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R05: two requests prove different generations at once; the higher one stands."""
    second = refresh(signed_in.http, signed_in.refresh)
    third = refresh(signed_in.http, successor(second))
    with app.app_context():
        db.session.execute(update(AuthSession).values(generation=1))
        db.session.commit()
    find = sessions.find

    def find_and_overtake(*args: Any) -> SessionState:
        state = find(*args)
        monkeypatch.setattr(sessions, "find", find)
        assert me(app.test_client(), third.json["access_token"]) == 200
        return state

    monkeypatch.setattr(sessions, "find", find_and_overtake)
    assert me(signed_in.http, second.json["access_token"]) == 200
    with app.app_context():
        assert db.session.scalars(select(AuthSession.generation)).one() == 3


def test_of_two_refreshes_at_once_one_is_written_down_and_the_later_end_counts(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: both have read the row before either wrote."""
    clock.shift(DAY)
    with app.app_context():
        session = sessions.find(forge.read(signed_in.access)["sid"], 1)
        until = session.refresh_expires_at - timedelta(days=1)
        for end in (None, until, until + timedelta(days=2), until):
            note_refresh(db.session, session, "manual", client=COMMAND_LINE, now=utc_now(), until=end)
        row = db.session.scalars(select(AuthSession)).one()
        assert row.refresh_expires_at == until + timedelta(days=2)
        assert len(db.session.scalars(select(SessionRefresh)).all()) == 1


# --- two clocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "code"), [(29, None), (30, "token_reused")])
@pytest.mark.parametrize(("host", "apart"), [("", 0), ("another", 60)])
def test_what_another_host_has_confirmed_may_be_presented_a_minute_longer(
    app: Flask,
    signed_in: people.SignedIn,
    clock: time_machine.Traveller,
    *,
    host: str,
    apart: int,
    late: int,
    code: str,
) -> None:
    """R02, L12: the leeway, and what two clocks may be apart; rows of before know of no host."""
    second = refresh(signed_in.http, signed_in.refresh)
    refresh(signed_in.http, successor(second))
    with app.app_context():
        db.session.execute(update(AuthSession).values(confirmed_on=host))
        db.session.commit()
    clock.shift(late + apart)
    assert refresh(signed_in.http, signed_in.refresh).json.get("code") == code


# --- what a dump of the database is worth ----------------------------------------------------------------


def dump(app: Flask) -> list[str]:
    """Return every value of every column of every table, as text."""
    with app.app_context():
        rows: list[Any] = [row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))]
        return [str(value) for row in rows for value in row]


@pytest.mark.sends_what_is_kept  # whatever the database holds
def test_a_dump_of_the_database_holds_no_token_and_signs_nobody_in(app: Flask, signed_in: people.SignedIn) -> None:
    """R15: no token, no segment of one, no hash of either; and no stored value opens anything."""
    http = signed_in.http
    reply = refresh(http, signed_in.refresh)
    me(http, reply.json["access_token"])
    refresh(http, successor(reply))
    refresh(http, signed_in.refresh + "x")
    tokens = [signed_in.access, signed_in.refresh, reply.json["access_token"], successor(reply)]
    values = dump(app)
    text = "\n".join(values)
    assert forge.read(signed_in.access)["sid"] in text
    for secret in [part for token in tokens for part in (token, *token.split(".")[1:])]:
        digests = [hashlib.new(name, secret.encode()).digest() for name in ("sha256", "sha1", "md5", "sha512")]
        forms = [form(digest) for digest in digests for form in (bytes.hex, base64.b64encode, base64.urlsafe_b64encode)]
        for needle in [secret, *(form if isinstance(form, str) else form.decode().rstrip("=") for form in forms)]:
            assert needle not in text
    for value in set(values):
        token = value.encode("ascii", "ignore").decode() or "x"
        assert refresh(http, token).status_code != 200
        assert me(http, token.replace("\n", " ")) != 200
