"""What else ends sessions, by age or with the user; which sessions a password change ends, and what is written down."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from tests.support import forge, people
from tests.support.sessions import reasons, sid
from tests.support.statements import statements
from tests.support.steps import DAY, SAME_ORIGIN, START, assert_refused, events, refresh
from webapp.audit import Client
from webapp.database import db
from webapp.models import User
from webapp.revocation import end_other_sessions, purge

pytestmark = pytest.mark.usefixtures("clock")


# --- age -------------------------------------------------------------------------------------------------


def test_a_session_that_is_over_by_age_is_ended_when_a_token_of_it_comes(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """L12: once, by nobody; an access token that is too old for a session that lives ends nothing."""
    clock.shift(2 * DAY)
    assert_refused(signed_in.me(), "token_expired")
    assert list(reasons(app).values()) == [None]
    clock.shift(28 * DAY + 10)
    for _ in range(2):
        assert_refused(signed_in.me(), "token_expired")
        assert_refused(refresh(signed_in.http, signed_in.refresh), "token_expired")
    assert list(reasons(app).values()) == ["expired"]
    [event] = events(app, "session_revoked")
    assert (event.session_id, event.actor_id, event.detail) == (sid(signed_in), None, {"reason": "expired"})
    clock.shift(-30 * DAY)
    assert_refused(signed_in.me(), "session_ended")


def test_a_purge_deletes_sessions_past_their_absolute_end_and_no_others(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """R14: ended ones are kept until then; the second before, and the edge; in batches."""
    signed_in.http.post("/api/logout", headers=signed_in.bearer)
    clock.shift(DAY)
    young = people.sign_in(signed_in.http)
    clock.shift(29 * DAY - 1)
    with app.app_context():
        assert purge(db.session, now=datetime.now(UTC)) == 0
        clock.shift(1)
        assert purge(db.session, now=datetime.now(UTC)) == 1
    assert list(reasons(app)) == [sid(young)]
    for _ in range(4):
        people.sign_in(signed_in.http)
    clock.shift(30 * DAY)
    with app.app_context():
        assert purge(db.session, now=datetime.now(UTC), batch=2) == 5
    assert reasons(app) == {}


# --- the user --------------------------------------------------------------------------------------------


def test_a_user_who_is_deactivated_is_out_with_the_next_request(app: Flask, user_id: int) -> None:
    """V06: API, refresh and pages; nothing new is handed out."""
    http = app.test_client()
    client = people.sign_in(http, transport="cookie")
    assert http.get("/account").status_code == 200
    with app.app_context():
        db.session.execute(update(User).values(is_active=False))
        db.session.commit()
    assert_refused(client.me(), "session_ended")
    assert http.get("/account").status_code == 303
    http.set_cookie("refresh_token", client.refresh or "")
    assert_refused(http.post("/api/refresh", headers=SAME_ORIGIN), "session_ended")


@pytest.mark.parametrize("trial", range(20))
def test_a_session_opened_in_the_second_in_which_others_ended_lives(app: Flask, user_id: int, trial: int) -> None:
    """V07: the session's row decides, not the second in which a token was issued."""
    changer, other = (people.sign_in(app.test_client()) for _ in range(2))
    body = {"current_password": people.PASSWORD, "new_password": f"seven quiet hedges {trial}"}
    assert changer.http.post("/api/me/password", json=body, headers=changer.bearer).status_code == 204
    later = people.sign_in(app.test_client(), password=body["new_password"])
    assert [session.me().status_code for session in (changer, other, later)] == [200, 401, 200]
    assert forge.read(other.access)["iat"] == forge.read(later.access)["iat"]


# --- what is written down --------------------------------------------------------------------------------


def test_each_end_is_written_down_with_its_reason_and_who_did_it(
    app: Flask, signed_in: people.SignedIn, second_device: people.SignedIn, stranger: people.SignedIn, user_id: int
) -> None:
    """Z09: user, actor, session, address, browser, instant, request."""
    tablet = people.sign_in(app.test_client())
    agent = {"User-Agent": "pytest"}
    for method, path, client in (
        ("DELETE", f"/api/sessions/{sid(second_device)}", signed_in),
        ("DELETE", "/api/sessions", signed_in),
        ("POST", "/api/logout", signed_in),
    ):
        client.http.open(path, method=method, headers={**client.bearer, **agent})
    written = events(app, "session_revoked")
    ended = [(event.session_id, event.detail["reason"]) for event in written]
    assert ended == [
        (sid(second_device), "ended_by_user"),
        (sid(tablet), "ended_by_user"),
        (sid(signed_in), "signed_out"),
    ]
    for event in written:
        assert (event.user_id, event.actor_id, event.ip) == (user_id, user_id, "127.0.0.1")
        assert (event.user_agent, event.at, len(event.request_id)) == ("pytest", START, 16)
    assert len({event.request_id for event in written}) == 3


# --- many at once ----------------------------------------------------------------------------------------


def test_the_events_of_all_that_end_at_once_are_written_in_one_statement(
    app: Flask, signed_in: people.SignedIn, user_id: int
) -> None:
    """Z09: each says which session, whose and by whom; the transaction does not grow longer with each."""
    others = {sid(people.sign_in(app.test_client())) for _ in range(12)}
    with app.app_context(), statements(db.engine) as sent:
        keep = {"keep_sid": sid(signed_in), "user_id": user_id}
        assert end_other_sessions(db.session, **keep, client=Client(address="192.0.2.7"), now=START) == 12
    assert [sql.split()[:3] for sql in sent if "audit_events" in sql] == [["INSERT", "INTO", "audit_events"]]
    written = events(app, "session_revoked")
    assert {event.session_id for event in written} == others
    assert {(event.user_id, event.actor_id, event.ip) for event in written} == {(user_id, user_id, "192.0.2.7")}
    assert [event.detail for event in written] == [{"reason": "ended_by_user"}] * 12


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/me/password", {"current_password": people.PASSWORD, "new_password": "another horse, no staple"}),
        ("DELETE", "/api/sessions", None),
        ("DELETE", "/api/sessions/{}", None),
    ],
)
def test_a_host_that_is_ahead_ends_what_another_would_let_in_still(
    make_app: Callable[..., Flask],
    clock: time_machine.Traveller,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    """V05, L12: hosts may be a minute apart."""
    app = make_app(session_max_days=1)
    people.create_user(app)
    old = people.sign_in(app.test_client())
    clock.shift(DAY - 20)
    mine = people.sign_in(app.test_client())
    clock.shift(40)
    sent = mine.http.open(path.format(sid(old)), method=method, headers=mine.bearer, json=body)
    assert sent.status_code in (200, 204)
    clock.shift(-40)
    assert_refused(old.me(), "session_ended")
