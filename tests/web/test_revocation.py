"""Ending sessions: sign-out, the device list, deactivation; what is ended is dead at its next request."""

from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support import forge, people
from tests.support.steps import DAY, HOUR, SAME_ORIGIN, START, assert_refused, bearer, events, me, refresh, successor
from webapp.database import db
from webapp.models import AuthSession, User
from webapp.revocation import purge

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def phone(app: Flask, user_id: int) -> people.SignedIn:
    """The same user, signed in on a second device."""
    return people.sign_in(app.test_client())


@pytest.fixture
def stranger(app: Flask) -> people.SignedIn:
    """Somebody else."""
    people.create_user(app, "other@test.com")
    return people.sign_in(app.test_client(), email="other@test.com")


def sid(client: people.SignedIn) -> str:
    return forge.read(client.access)["sid"]


def listed(client: people.SignedIn) -> list[str]:
    return [item["id"] for item in client.http.get("/api/sessions", headers=client.bearer).json["items"]]


def rows(app: Flask) -> dict[str, str | None]:
    """Return why each session was ended, by its id."""
    with app.app_context():
        found = db.session.execute(select(AuthSession.id, AuthSession.revoked_reason))
        return {sid: reason for sid, reason in found}


# --- signing out -----------------------------------------------------------------------------------------


def test_signing_out_ends_every_token_of_the_session_older_and_newer(
    signed_in: people.SignedIn, phone: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V01: the one presented, those of refreshes, the silent renewal, the refresh tokens; no other session."""
    reply = refresh(signed_in.http, signed_in.refresh)
    clock.shift(23 * HOUR)
    renewed = signed_in.me().headers["X-New-Token"]
    tokens = [signed_in.access, reply.json["access_token"], renewed]
    assert [me(signed_in.http, token) for token in tokens] == [200, 200, 200]
    assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
    for token in tokens:
        assert_refused(signed_in.me(token), "session_ended")
    for token in (signed_in.refresh, successor(reply)):
        assert refresh(signed_in.http, token).status_code == 401
    assert phone.me().status_code == 200


def test_signing_out_takes_each_kind_of_token(app: Flask, user_id: int) -> None:
    """V01, V02."""
    for how in ("access", "refresh as bearer", "refresh in body", "cookie"):
        client = people.sign_in(app.test_client(), transport="cookie" if how == "cookie" else "body")
        request = {
            "access": {"headers": client.bearer},
            "refresh as bearer": {"headers": bearer(client.refresh or "")},
            "refresh in body": {"json": {"refresh_token": client.refresh}},
            "cookie": {"headers": SAME_ORIGIN},
        }[how]
        reply = client.http.post("/api/logout", **request)
        assert (how, reply.status_code, reply.text) == (how, 204, "")
        assert client.me().status_code == 401
        assert ("Max-Age=0" in reply.headers.get("Set-Cookie", "")) == (how == "cookie")
    assert set(rows(app).values()) == {"signed_out"}


@pytest.mark.parametrize("age", [DAY + 11, 31 * DAY])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_signing_out_works_with_a_token_that_has_expired(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller, age: int, kind: str
) -> None:
    """V02."""
    clock.shift(age)
    assert signed_in.me().status_code == 401
    token = signed_in.access if kind == "access" else signed_in.refresh or ""
    assert signed_in.http.post("/api/logout", headers=bearer(token)).status_code == 204
    # The first answer has said that a session of 31 days is over, and it was written down.
    assert list(rows(app).values()) == ["signed_out" if age < 30 * DAY else "expired"]
    assert refresh(signed_in.http, signed_in.refresh).status_code == 401


def test_signing_out_again_is_no_error_and_changes_nothing(app: Flask, signed_in: people.SignedIn) -> None:
    """V02: idempotent, and written down once."""
    for _ in range(3):
        assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
        assert signed_in.http.post("/api/logout", json={"refresh_token": signed_in.refresh}).status_code == 204
    assert signed_in.http.post("/api/logout").status_code == 204
    assert len(events(app, "session_revoked")) == 1


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "é", "%00", "x" * 5000])
def test_a_cookie_that_is_garbage_does_not_prevent_signing_out_and_is_cleared(
    app: Flask, signed_in: people.SignedIn, garbage: str
) -> None:
    """V02: with a token of some other kind beside it, or alone."""
    http, cookie = app.test_client(use_cookies=False), {"Cookie": f"refresh_token={garbage}"}
    reply = http.post("/api/logout", headers={**cookie, **SAME_ORIGIN})
    assert (reply.status_code, "Max-Age=0" in reply.headers["Set-Cookie"]) == (204, True)
    assert signed_in.me().status_code == 200
    reply = http.post("/api/logout", headers={**cookie, **signed_in.bearer})
    assert (reply.status_code, "Max-Age=0" in reply.headers["Set-Cookie"]) == (204, True)
    assert signed_in.me().status_code == 401


def test_signing_out_with_an_access_token_and_a_cookie_ends_what_both_stand_for(app: Flask, user_id: int) -> None:
    """V01: a browser that holds both is signed out, whichever the session."""
    http = app.test_client()
    in_page, in_app = people.sign_in(http, transport="cookie"), people.sign_in(app.test_client())
    assert http.post("/api/logout", headers={**in_app.bearer, **SAME_ORIGIN}).status_code == 204
    assert (in_page.me().status_code, in_app.me().status_code) == (401, 401)


FORGED = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30." + "A" * 43


@pytest.mark.parametrize("request_", [{"headers": bearer(FORGED)}, {"json": {"refresh_token": "x"}}])
def test_signing_out_with_a_token_that_is_none_of_ours_is_refused(
    app: Flask, signed_in: people.SignedIn, request_: dict[str, dict[str, str]]
) -> None:
    assert_refused(signed_in.http.post("/api/logout", **request_), "invalid_token")
    assert list(rows(app).values()) == [None]


# --- age -----------------------------------------------------------------------------------------------------


def test_a_session_that_is_over_by_age_is_ended_when_a_token_of_it_comes(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """L12: once, by nobody; an access token that is too old for a session that lives ends nothing."""
    clock.shift(2 * DAY)
    assert_refused(signed_in.me(), "token_expired")
    assert list(rows(app).values()) == [None]
    clock.shift(28 * DAY + 10)
    for _ in range(2):
        assert_refused(signed_in.me(), "token_expired")
        assert_refused(refresh(signed_in.http, signed_in.refresh), "token_expired")
    assert list(rows(app).values()) == ["expired"]
    [event] = events(app, "session_revoked")
    assert (event.session_id, event.actor_id, event.detail) == (sid(signed_in), None, {"reason": "expired"})
    clock.shift(-30 * DAY)
    assert_refused(signed_in.me(), "session_ended")


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


# --- the device list -------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_sessions_and_marks_the_current_one(
    signed_in: people.SignedIn, phone: people.SignedIn, stranger: people.SignedIn
) -> None:
    """V08."""
    items = phone.http.get("/api/sessions", headers=phone.bearer).json["items"]
    assert [(item["id"], item["current"]) for item in items] == [(sid(phone), True), (sid(signed_in), False)]
    assert listed(stranger) == [sid(stranger)]


def test_a_device_that_was_ended_is_out_at_once_and_leaves_the_list(
    app: Flask, signed_in: people.SignedIn, phone: people.SignedIn
) -> None:
    """V08, V01."""
    path = f"/api/sessions/{sid(phone)}"
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 204
    assert_refused(phone.me(), "session_ended")
    assert refresh(phone.http, phone.refresh).status_code == 401
    assert listed(signed_in) == [sid(signed_in)]
    assert signed_in.http.delete(path, headers=signed_in.bearer).status_code == 404
    assert rows(app) == {sid(phone): "ended_by_user", sid(signed_in): None}


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
    assert set(rows(app).values()) == {None}


@pytest.mark.parametrize("name", ["1", "me", "-1", str(2**63), "A" * 21, "A" * 23, "A" * 21 + "%00", "..%2fme", "é"])
def test_what_is_no_id_is_not_found(signed_in: people.SignedIn, name: str) -> None:
    """Z03: no database ever sees it."""
    reply = signed_in.http.delete(f"/api/sessions/{name}", headers=signed_in.bearer)
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_ending_all_others_keeps_this_one_and_everybody_elses(
    signed_in: people.SignedIn, phone: people.SignedIn, stranger: people.SignedIn
) -> None:
    """V08."""
    assert phone.http.delete("/api/sessions", headers=phone.bearer).status_code == 204
    assert [client.me().status_code for client in (phone, signed_in, stranger)] == [200, 401, 200]
    assert listed(phone) == [sid(phone)]


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
    clock.shift(DAY)
    now = bearer(refresh(young.http, young.refresh or "").json["access_token"])
    young.http.post("/api/me/reauthenticate", json={"password": people.PASSWORD}, headers=now)
    assert young.http.delete(f"/api/sessions/{sid(signed_in)}", headers=now).status_code == 404
    assert young.http.delete("/api/sessions", headers=now).status_code == 204
    assert set(rows(app).values()) == {None}


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
    assert set(rows(app).values()) == {None}


# --- what is written down --------------------------------------------------------------------------------


def test_each_end_is_written_down_with_its_reason_and_who_did_it(
    app: Flask, signed_in: people.SignedIn, phone: people.SignedIn, stranger: people.SignedIn, user_id: int
) -> None:
    """Z09: user, actor, session, address, browser, instant, request."""
    tablet = people.sign_in(app.test_client())
    agent = {"User-Agent": "pytest"}
    for method, path, client in (
        ("DELETE", f"/api/sessions/{sid(phone)}", signed_in),
        ("DELETE", "/api/sessions", signed_in),
        ("POST", "/api/logout", signed_in),
    ):
        client.http.open(path, method=method, headers={**client.bearer, **agent})
    written = events(app, "session_revoked")
    ended = [(event.session_id, event.detail["reason"]) for event in written]
    assert ended == [(sid(phone), "ended_by_user"), (sid(tablet), "ended_by_user"), (sid(signed_in), "signed_out")]
    for event in written:
        assert (event.user_id, event.actor_id, event.ip) == (user_id, user_id, "127.0.0.1")
        assert (event.user_agent, event.at, len(event.request_id)) == ("pytest", START, 16)
    assert len({event.request_id for event in written}) == 3


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
    assert list(rows(app)) == [sid(young)]
    for _ in range(4):
        people.sign_in(signed_in.http)
    clock.shift(30 * DAY)
    with app.app_context():
        assert purge(db.session, now=datetime.now(UTC), batch=2) == 5
    assert rows(app) == {}


@pytest.mark.parametrize("trial", range(20))
def test_a_session_opened_in_the_second_in_which_others_ended_lives(app: Flask, user_id: int, trial: int) -> None:
    """V07: the session's row decides, not the second in which a token was issued."""
    changer, other = (people.sign_in(app.test_client()) for _ in range(2))
    body = {"current_password": people.PASSWORD, "new_password": f"seven quiet hedges {trial}"}
    assert changer.http.post("/api/me/password", json=body, headers=changer.bearer).status_code == 204
    later = people.sign_in(app.test_client(), password=body["new_password"])
    assert [session.me().status_code for session in (changer, other, later)] == [200, 401, 200]
    assert forge.read(other.access)["iat"] == forge.read(later.access)["iat"]
