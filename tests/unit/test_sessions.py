"""Sessions: what they are called, and where they end by themselves, or with their user (R10)."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import DAY, START, assert_refused, me, refresh, successor
from webapp.database import db
from webapp.models import AuthSession, User

pytestmark = pytest.mark.usefixtures("clock")


def test_no_id_begins_with_a_dash(app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would be an option on a command line, and a formula in a sheet."""
    drawn = iter(["-AAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBB-"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))
    assert forge.read(people.sign_in(app.test_client()).access)["sid"] == "BBBBBBBBBBBBBBBBBBBBB-"


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
