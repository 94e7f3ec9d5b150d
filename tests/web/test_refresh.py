"""Refreshing: rotation that is confirmed by use, lost answers, theft."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import DAY, HOUR, assert_refused, events, gen, me, refresh, successor
from webapp.database import db
from webapp.models import AuthSession
from webapp.revocation import purge

pytestmark = pytest.mark.usefixtures("clock")


# --- what is handed out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cookie", "body"])
def test_each_refresh_offers_a_successor_of_the_next_generation(http: FlaskClient, user_id: int, how: str) -> None:
    """R01, R17: five rotations in one second are five generations."""
    token = people.sign_in(http, transport=how).refresh
    assert gen(token) == 1
    for generation in range(2, 7):
        token = successor(refresh(http, token, how))
        assert gen(token) == generation


def test_a_bearer_refresh_keeps_its_token(signed_in: people.SignedIn) -> None:
    """R01, Method 2: no successor, and access tokens that confirm nothing."""
    for _ in range(3):
        reply = refresh(signed_in.http, signed_in.refresh, "bearer")
        assert "refresh_token" not in reply.json
        assert "rgen" not in forge.read(reply.json["access_token"])
        assert me(signed_in.http, reply.json["access_token"]) == 200


@pytest.mark.parametrize(("age", "is_due"), [(DAY - 1, False), (DAY, True)])
def test_a_bearer_refresh_offers_a_successor_once_the_token_is_a_day_old(
    signed_in: people.SignedIn, clock: time_machine.Traveller, age: int, is_due: bool
) -> None:
    """R01: the second before, and the edge."""
    clock.shift(age)
    reply = refresh(signed_in.http, signed_in.refresh, "bearer")
    assert ("refresh_token" in reply.json) is is_due
    assert "rgen" not in forge.read(reply.json["access_token"])
    if is_due:
        assert gen(reply.json["refresh_token"]) == 2


def test_a_bearer_client_that_ignores_successors_keeps_working_until_the_token_expires(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """R01: their access tokens must not move the session on."""
    for _ in range(29):
        clock.shift(DAY)
        reply = refresh(signed_in.http, signed_in.refresh, "bearer")
        assert reply.status_code == 200
        assert me(signed_in.http, reply.json["access_token"]) == 200
    clock.shift(DAY)
    assert_refused(refresh(signed_in.http, signed_in.refresh, "bearer"), "session_ended")


def test_a_bearer_client_that_adopts_the_successor_moves_the_session_on(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """R02 by way of Method 2."""
    clock.shift(DAY)
    second = refresh(signed_in.http, signed_in.refresh, "bearer").json["refresh_token"]
    assert refresh(signed_in.http, second, "bearer").status_code == 200
    clock.shift(30)
    assert_refused(refresh(signed_in.http, signed_in.refresh, "bearer"), "token_reused")


@pytest.mark.parametrize("how", ["cookie", "body"])
def test_the_access_token_confirms_the_refresh_token_it_travelled_with(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str
) -> None:
    """R02: its use proves that the answer arrived, so the predecessor is superseded from then on."""
    first = people.sign_in(http, transport=how).refresh
    reply = refresh(http, first, how)
    access = reply.json["access_token"]
    assert forge.read(access)["rgen"] == gen(successor(reply)) == 2
    clock.shift(HOUR)
    assert me(http, access) == 200
    clock.shift(30)
    assert_refused(refresh(http, first, how), "token_reused")


def test_a_cookie_refresh_never_shows_its_token_to_scripts(http: FlaskClient, user_id: int) -> None:
    """R18."""
    client = people.sign_in(http, transport="cookie")
    reply = refresh(http, client.refresh, "cookie")
    assert "refresh_token" not in reply.json
    assert "HttpOnly" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize("how", ["body", "bearer"])
def test_a_refresh_by_body_or_bearer_needs_no_origin_and_sets_no_cookie(signed_in: people.SignedIn, how: str) -> None:
    """R18, C02."""
    assert "Set-Cookie" not in refresh(signed_in.http, signed_in.refresh, how).headers


@pytest.mark.parametrize(("transport", "how"), [("cookie", "body"), ("cookie", "bearer"), ("body", "cookie")])
def test_the_way_a_refresh_token_travels_cannot_be_switched(
    http: FlaskClient, user_id: int, transport: str, how: str
) -> None:
    """R18: and the attempt ends nothing."""
    client = people.sign_in(http, transport=transport)
    http.delete_cookie("refresh_token")
    reply = refresh(http, client.refresh, how)
    assert_refused(reply, "invalid_token")
    assert "Set-Cookie" not in reply.headers
    http.delete_cookie("refresh_token")
    assert refresh(http, client.refresh, transport).status_code == 200


# --- lost answers and late requests ----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cookie", "body"])
def test_an_answer_that_was_lost_costs_nothing_however_late_the_retry(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str
) -> None:
    """R08: the old token serves until its successor has been used; all successors are equivalent."""
    first = people.sign_in(http, transport=how).refresh
    for _ in range(4):
        clock.shift(7 * DAY)
        second = successor(refresh(http, first, how))
        assert gen(second) == 2
    assert gen(successor(refresh(http, second, how))) == 3


@pytest.mark.parametrize("how", ["cookie", "body", "bearer"])
@pytest.mark.parametrize("confirms", ["access", "refresh"])
def test_a_late_request_gets_no_successor_and_a_cookie_is_left_alone(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str, confirms: str
) -> None:
    """R04, R07: what a cookie jar has by now is newer than what it sent. Others are given the current token again."""
    first = people.sign_in(http, transport="cookie" if how == "cookie" else "body").refresh
    reply = refresh(http, first, "cookie" if how == "cookie" else "body")
    if confirms == "access":
        assert me(http, reply.json["access_token"]) == 200
    else:
        refresh(http, successor(reply), "cookie" if how == "cookie" else "body")
    clock.shift(29)
    late = refresh(http, first, how)
    assert late.status_code == 200
    assert "Set-Cookie" not in late.headers
    assert "rgen" not in forge.read(late.json["access_token"])
    assert me(http, late.json["access_token"]) == 200
    if how == "cookie":
        assert "refresh_token" not in late.json
    else:
        assert gen(late.json["refresh_token"]) == 2


@pytest.mark.parametrize("how", ["body", "bearer"])
def test_a_client_that_keeps_what_a_late_refresh_gave_is_still_signed_in_the_next_day(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller, how: str
) -> None:
    """RFC 6749 §6: a client keeps the token that it sent if the answer brings none, and it is theft by then."""
    first = people.sign_in(http).refresh
    assert me(http, refresh(http, first, "body").json["access_token"]) == 200
    kept = refresh(http, first, how).json.get("refresh_token", first)
    clock.shift(DAY)
    assert refresh(http, kept, how).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (30, 401)])
def test_the_leeway_ends_thirty_seconds_after_the_confirmation(
    signed_in: people.SignedIn, clock: time_machine.Traveller, seconds: int, status: int
) -> None:
    """R04, R02: the second before, and the edge."""
    second = successor(refresh(signed_in.http, signed_in.refresh))
    clock.shift(HOUR)
    refresh(signed_in.http, second)
    clock.shift(seconds)
    assert refresh(signed_in.http, signed_in.refresh).status_code == status


def test_a_repeated_confirmation_does_not_lengthen_the_leeway(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """R02: the row is written once a generation."""
    reply = refresh(signed_in.http, signed_in.refresh)
    for _ in range(3):
        assert me(signed_in.http, reply.json["access_token"]) == 200
        assert refresh(signed_in.http, reply.json["refresh_token"]).status_code == 200
        clock.shift(10)
    assert_refused(refresh(signed_in.http, signed_in.refresh), "token_reused")


def test_without_leeway_the_predecessor_is_superseded_at_once(make_app: Callable[..., Flask]) -> None:
    """R02."""
    app = make_app(refresh_token_leeway_seconds=0)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    refresh(client.http, successor(refresh(client.http, client.refresh)))
    assert_refused(refresh(client.http, client.refresh), "token_reused")


# --- theft -----------------------------------------------------------------------------------------------


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
