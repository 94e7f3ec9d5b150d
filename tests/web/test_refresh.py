"""Refreshing: what is handed out in each of the three ways, and what its use confirms."""

import pytest
import time_machine
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.steps import DAY, HOUR, assert_refused, gen, me, refresh, successor

pytestmark = pytest.mark.usefixtures("clock")


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
