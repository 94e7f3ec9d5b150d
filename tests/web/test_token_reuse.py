"""Refreshing with a token that was superseded: it is theft, and ends the session for good."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import DAY, assert_refused, events, me, refresh, successor
from webapp.database import db
from webapp.models import AuthSession
from webapp.revocation import purge

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize("how", ["cookie", "body"])
def test_a_superseded_token_ends_the_whole_session_and_the_end_is_stored(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, how: str
) -> None:
    """R02, R16: although the answer is 401, a server that starts afterwards knows of it."""
    app = make_app()
    people.create_user(app)
    http = app.test_client()
    client = people.sign_in(http, transport=how)
    second = refresh(http, client.refresh, how)
    third = refresh(http, successor(second), how)
    accesses = [client.access, second.json["access_token"], third.json["access_token"]]
    clock.shift(31)
    stolen = refresh(http, client.refresh, how)
    assert_refused(stolen, "token_reused")
    assert ("Max-Age=0" in stolen.headers.get("Set-Cookie", "")) == (how == "cookie")
    for server in (http, make_app().test_client()):
        assert_refused(refresh(server, successor(third), how), "session_ended")
        assert [me(server, access) for access in accesses] == [401, 401, 401]


def test_two_generations_back_is_reuse_even_inside_the_leeway(signed_in: people.SignedIn) -> None:
    """R03, R17: all of it happens in one second."""
    second = successor(refresh(signed_in.http, signed_in.refresh))
    third = successor(refresh(signed_in.http, second))
    refresh(signed_in.http, third)
    assert_refused(refresh(signed_in.http, signed_in.refresh), "token_reused")
    assert_refused(refresh(signed_in.http, third), "session_ended")


def test_an_ended_session_never_falls_into_the_grace_of_the_leeway(signed_in: people.SignedIn) -> None:
    """R11: the ex-head, its predecessor and the head's unused successor, within the same second."""
    tokens = [signed_in.refresh]
    for _ in range(3):
        tokens.append(successor(refresh(signed_in.http, tokens[-1])))
    assert_refused(refresh(signed_in.http, tokens[0]), "token_reused")
    for token in reversed(tokens[2:]):
        assert refresh(signed_in.http, token).status_code == 401


def test_a_theft_ends_one_session_leaves_the_others_and_is_written_down_once(
    app: Flask, signed_in: people.SignedIn, user_id: int, clock: time_machine.Traveller
) -> None:
    """R16: the thief refreshes first; the victim's next refresh is refused, and the thief's token is dead."""
    other = people.sign_in(app.test_client())
    thief, victim = app.test_client(), signed_in.http
    second = refresh(thief, signed_in.refresh)
    assert me(thief, second.json["access_token"]) == 200
    clock.shift(31)
    for _ in range(3):
        assert_refused(refresh(victim, signed_in.refresh), "token_reused")
    assert refresh(thief, successor(second)).status_code == 401
    assert other.me().status_code == 200
    (alarm,) = events(app, "refresh_reuse")
    assert (alarm.user_id, alarm.session_id) == (user_id, forge.read(signed_in.access)["sid"])
    (ended,) = events(app, "session_revoked")
    assert (ended.session_id, ended.detail) == (alarm.session_id, {"reason": "reuse"})


def test_a_token_that_comes_back_after_sign_out_and_purge_is_still_known_as_reuse(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """R14: the row of an ended session stays until the session's absolute end."""
    refresh(signed_in.http, successor(refresh(signed_in.http, signed_in.refresh)))
    signed_in.http.post("/api/logout", headers=signed_in.bearer)
    clock.shift(20 * DAY)
    with app.app_context():
        assert purge(db.session, now=datetime.now(UTC)) == 0
    assert_refused(refresh(signed_in.http, signed_in.refresh), "token_reused")
    assert len(events(app, "refresh_reuse")) == 1
    with app.app_context():
        assert db.session.scalars(select(AuthSession.revoked_reason)).all() == ["signed_out"]
