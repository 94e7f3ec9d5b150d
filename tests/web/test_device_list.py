"""The device list: ones own sessions and nobody else's, each of which can be ended there."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support import forge, people
from tests.support.command_line import run
from tests.support.sessions import reasons, sid
from tests.support.steps import DAY, MINUTE, assert_refused, bearer, events, refresh, sign_in_by_form, successor
from webapp.database import db
from webapp.devices import MOST_LISTED
from webapp.models import SessionRefresh

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
SHORT = {"access_token_expire_minutes": 15, "auto_refresh_threshold_minutes": 5}

pytestmark = pytest.mark.usefixtures("clock")


def listed(client: people.SignedIn) -> list[str]:
    return [item["id"] for item in client.http.get("/api/sessions", headers=client.bearer).json["items"]]


def test_the_list_shows_ones_own_sessions_and_marks_the_current_one(
    signed_in: people.SignedIn, second_device: people.SignedIn, stranger: people.SignedIn
) -> None:
    """V08."""
    items = second_device.http.get("/api/sessions", headers=second_device.bearer).json["items"]
    assert [(item["id"], item["current"]) for item in items] == [(sid(second_device), True), (sid(signed_in), False)]
    assert listed(stranger) == [sid(stranger)]


def test_a_device_is_listed_by_what_it_was_when_it_signed_in(app: Flask, signed_in: people.SignedIn) -> None:
    """V08: it may never have been seen again."""
    phone = app.test_client()
    phone.environ_base |= {"REMOTE_ADDR": "198.51.100.7", "HTTP_USER_AGENT": SAFARI}
    session = people.sign_in(phone)
    items = signed_in.http.get("/api/sessions", headers=signed_in.bearer).json["items"]
    (shown,) = [item for item in items if item["id"] == sid(session)]
    told = [shown[name] for name in ("browser", "system", "address", "activity", "created_at", "last_seen_at")]
    assert told == [
        "Mobile Safari",
        "iOS",
        "198.51.100.7",
        "Signs in",
        "2026-07-01T12:00:00Z",
        "2026-07-01T12:00:00Z",
    ]
    (event,) = [event for event in events(app, "sign_in") if event.session_id == sid(session)]
    assert (event.user_id, event.actor_id, event.ip, event.user_agent) == (1, 1, "198.51.100.7", SAFARI)


@pytest.mark.parametrize("how", ["cookie", "body", "bearer"])
def test_a_device_is_listed_as_long_as_the_successor_that_it_was_given_may_come_back(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, how: str
) -> None:
    """V08: though nothing was heard of it since; to its owner, at the desk, and on the command line."""
    app = make_app(refresh_token_expire_days=7, session_max_days=90, **SHORT)
    people.create_user(app)
    people.create_user(app, "admin@test.com", is_admin=True)
    laptop = people.sign_in(app.test_client(), transport="cookie" if how == "cookie" else "body")
    clock.shift(6 * DAY)
    second = successor(refresh(laptop.http, laptop.refresh or "", how))

    def shown() -> list[bool]:
        desk = app.test_client()
        sign_in_by_form(desk, email="admin@test.com")
        texts = (desk.get(f"/admin/sessions?user={people.EMAIL}").text, run(app, "sessions", "list").output)
        return [sid(laptop) in listed(people.sign_in(app.test_client())), *(sid(laptop) in text for text in texts)]

    clock.shift(3 * DAY)
    assert shown() == [True, True, True]
    clock.shift(4 * DAY + MINUTE)
    assert shown() == [False, False, False]
    clock.shift(-MINUTE - 1)
    assert shown() == [True, True, True]
    assert refresh(laptop.http, second, how).status_code == 200


def test_a_successor_counts_though_an_access_token_was_handed_out_within_the_same_minute(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """V08: which is all that is written down of that minute for the charts."""
    app = make_app(refresh_token_expire_days=2, session_max_days=90, **SHORT)
    people.create_user(app)
    phone = people.sign_in(app.test_client())
    clock.shift(DAY - MINUTE / 2)
    assert "refresh_token" not in refresh(phone.http, phone.refresh or "", "bearer").json
    clock.shift(MINUTE / 2)
    second = successor(refresh(phone.http, phone.refresh or "", "bearer"))
    clock.shift(2 * DAY - 1)
    assert sid(phone) in listed(people.sign_in(app.test_client()))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SessionRefresh)) == 1
    assert refresh(phone.http, second, "bearer").status_code == 200


def test_a_device_that_was_ended_is_out_at_once_and_leaves_the_list(
    app: Flask, signed_in: people.SignedIn, second_device: people.SignedIn
) -> None:
    """V08, V01."""
    path = f"/api/sessions/{sid(second_device)}"
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 204
    assert_refused(second_device.me(), "session_ended")
    assert refresh(second_device.http, second_device.refresh).status_code == 401
    assert listed(signed_in) == [sid(signed_in)]
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 404
    assert reasons(app) == {sid(second_device): "ended_by_user", sid(signed_in): None}


def test_a_foreign_session_is_answered_like_one_that_never_was(
    app: Flask, signed_in: people.SignedIn, stranger: people.SignedIn
) -> None:
    """Z03, V08: the same status and body; and it lives on."""
    answers = []
    for other in (sid(stranger), "A" * 22):
        reply = signed_in.http.delete(f"/api/sessions/{other}", headers=signed_in.bearer)
        answers.append((reply.status_code, {**reply.json, "request_id": ""}, reply.headers["Cache-Control"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert stranger.me().status_code == 200
    assert set(reasons(app).values()) == {None}


@pytest.mark.parametrize("name", ["1", "me", "-1", str(2**63), "A" * 21, "A" * 23, "A" * 21 + "%00", "..%2fme", "é"])
def test_what_is_no_id_is_not_found(signed_in: people.SignedIn, name: str) -> None:
    """Z03: no database ever sees it."""
    reply = signed_in.http.delete(f"/api/sessions/{name}", headers=signed_in.bearer)
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_ending_all_others_keeps_this_one_and_everybody_elses(
    signed_in: people.SignedIn, second_device: people.SignedIn, stranger: people.SignedIn
) -> None:
    """V08."""
    assert second_device.http.delete("/api/sessions", headers=second_device.bearer).status_code == 204
    assert [client.me().status_code for client in (second_device, signed_in, stranger)] == [200, 401, 200]
    assert listed(second_device) == [sid(second_device)]


@pytest.mark.parametrize("transport", ["cookie", "body"])
def test_ending_ones_own_session_signs_out_and_clears_the_cookie_if_there_is_one(
    http: FlaskClient, user_id: int, transport: str
) -> None:
    """V08, V09."""
    client = people.sign_in(http, transport=transport)
    reply = http.delete(f"/api/sessions/{sid(client)}", headers=client.bearer)
    assert reply.status_code == 204
    assert ("Max-Age=0" in reply.headers.get("Set-Cookie", "")) == (transport == "cookie")
    assert_refused(client.me(), "session_ended")


def test_a_device_whose_session_has_expired_is_not_there_to_be_ended(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: nothing is written of it."""
    clock.shift(29 * DAY)
    young = people.sign_in(app.test_client())
    clock.shift(DAY + MINUTE)  # by the clock of every host
    now = bearer(refresh(young.http, young.refresh or "").json["access_token"])
    young.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=now)
    assert young.http.delete(f"/api/sessions/{sid(signed_in)}", headers=now).status_code == 404
    assert young.http.delete("/api/sessions", headers=now).status_code == 204
    assert set(reasons(app).values()) == {None}


def test_a_token_that_names_somebody_elses_session_opens_and_ends_nothing(
    app: Flask, signed_in: people.SignedIn, stranger: people.SignedIn
) -> None:
    """Z03, T20: session and user have to belong together."""
    mixed = [forge.forge(token or "", sub=forge.read(stranger.access)["sub"]) for token in
             (signed_in.access, signed_in.refresh)]  # fmt: skip
    assert_refused(signed_in.me(mixed[0]), "session_ended")
    assert_refused(refresh(signed_in.http, mixed[1]), "session_ended")
    for token in mixed:
        assert signed_in.http.post("/api/logout", headers=bearer(token)).status_code == 204
    assert set(reasons(app).values()) == {None}


def test_what_a_device_does_is_told_without_the_route_s_own_words(
    desk: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    clock.shift(2 * MINUTE)
    desk.get(f"/admin/users/{user_id}")
    assert "Looks at /admin/users/…" in desk.get("/account/sessions").text


def test_the_session_that_asks_is_listed_though_many_were_seen_since(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    first = people.sign_in(app.test_client())
    clock.shift(1)
    for _ in range(MOST_LISTED):
        people.sign_in(app.test_client())
    listing = first.http.get("/api/sessions", headers=first.bearer).json["items"]
    assert [item["current"] for item in listing] == [True] + [False] * (MOST_LISTED - 1)
