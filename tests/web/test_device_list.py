"""The device list: ones own sessions and nobody else's, what is told of each, and how long each is there."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support import people
from tests.support.command_line import run
from tests.support.sessions import listed, sid
from tests.support.steps import DAY, MINUTE, events, refresh, sign_in_by_form, successor
from webapp import sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.devices import MOST_LISTED
from webapp.models import SessionRefresh
from webapp.web.context import settings

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
SHORT = {"access_token_expire_minutes": 15, "auto_refresh_threshold_minutes": 5}

pytestmark = pytest.mark.usefixtures("clock")


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


def test_a_device_list_that_is_cut_says_so(app: Flask, user_id: int) -> None:
    browser = app.test_client()
    sign_in_by_form(browser)
    assert "Everywhere you are signed in." in browser.get("/account/sessions").text
    with app.app_context():
        for _ in range(MOST_LISTED):
            one = {"user_id": user_id, "transport": "body", "remember": True, "client": COMMAND_LINE, "now": utc_now()}
            sessions.open_session(db.session, settings(), **one)
    page = browser.get("/account/sessions").text
    assert f"The {MOST_LISTED} that were used last." in page
    assert "Everywhere" not in page
