"""Refreshing when answers are lost and requests come late: it costs nobody their session."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.steps import DAY, HOUR, assert_refused, gen, me, refresh, successor

pytestmark = pytest.mark.usefixtures("clock")


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
