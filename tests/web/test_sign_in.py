"""Signing in: what is told to whom does not sign in (A01, A02), and what a sign-in gives."""

from datetime import UTC, datetime

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.attempts import WRONG, attempt, attempt_by_form
from tests.support.hashes import LEAST_HASHER
from tests.support.steps import SAME_ORIGIN, START, alert, csrf_token, events, sign_in_by_form
from webapp import passwords
from webapp.database import Base, db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


def without_request_id(reply: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    request_id = reply.json["request_id"].encode()
    return reply.status_code, reply.data.replace(request_id, b""), sorted(reply.headers)


def deactivate(app: Flask, user_id: int) -> None:
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(is_active=False))
        db.session.commit()


# --- what a refusal tells --------------------------------------------------------------------------------


def test_a_refusal_is_the_same_for_an_unknown_address_a_wrong_password_and_a_user_who_is_out(app: Flask) -> None:
    """A01: status, body and headers, byte for byte; with the right password too where the user is not active."""
    people.create_user(app)
    deactivate(app, people.create_user(app, "gone@test.com"))
    people.create_user(app, "new@test.com", is_verified=False)
    attempts = [("nobody@test.com", WRONG), (people.EMAIL, WRONG), ("gone@test.com", people.PASSWORD),
                ("gone@test.com", WRONG), ("new@test.com", WRONG), ("not an address", WRONG)]  # fmt: skip
    answers = [without_request_id(attempt(app, *who, transport="cookie")) for who in attempts]
    assert answers == [answers[0]] * len(answers)
    reply = attempt(app, "nobody@test.com")
    assert reply.json["code"] == "invalid_credentials"
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in reply.headers


def test_the_form_tells_no_more_than_the_api(app: Flask) -> None:
    """A01: the same status and words, and no cookie."""
    people.create_user(app)
    deactivate(app, people.create_user(app, "gone@test.com"))
    attempts = [("nobody@test.com", WRONG), (people.EMAIL, WRONG), ("gone@test.com", people.PASSWORD)]
    replies = [attempt_by_form(app, *who) for who in attempts]
    answers = [(reply.status_code, alert(reply), "refresh_token" in str(reply.headers)) for reply in replies]
    assert answers == [(422, "There is a problem Email or password is incorrect.", False)] * 3


@pytest.mark.real_hashes
@pytest.mark.parametrize("email", [people.EMAIL, "nobody@test.com", "gone@test.com", "not an address"])
def test_every_refusal_costs_one_verification_with_the_parameters_in_force(
    app: Flask, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    """A02: counted, not timed."""
    people.create_user(app)
    deactivate(app, people.create_user(app, "gone@test.com"))
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            verified.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting(time_cost=2, memory_cost=19456, parallelism=1))
    assert attempt(app, email).status_code == 401
    assert [stored.split("$")[1:4] for stored in verified] == [["argon2id", "v=19", "m=19456,t=2,p=1"]]


def test_an_attempt_is_written_down_without_what_was_typed(app: Flask, user_id: int) -> None:
    """A01, O05, Z09: people type passwords into the field of the address; no column of no table holds either."""
    for who in ((people.EMAIL, "hunter2-typed"), ("hunter2-typed-as-address", WRONG), (people.EMAIL, people.PASSWORD)):
        attempt(app, *who)
    known, unknown = events(app, "sign_in_failed")
    (success,) = events(app, "sign_in")
    assert (known.user_id, unknown.user_id, success.user_id) == (user_id, None, user_id)
    assert len({known.account_key, None, success.session_id}) == 3
    assert unknown.account_key is None
    for event in (known, unknown, success):
        assert (event.ip, event.at, len(event.request_id)) == ("127.0.0.1", START, 16)
    with app.app_context():
        dump = str([row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))])
    assert people.EMAIL not in str([(event.detail, event.account_key) for event in (known, success)])
    assert not any(secret in dump for secret in ("hunter2", people.PASSWORD, WRONG))


def test_who_has_an_address_that_would_be_refused_today_signs_in_with_it(app: Flask, user_id: int) -> None:
    """Nobody is locked out of an account: mail does not get to it, but the password does."""
    with app.app_context():
        values = {"email": "Jos\u00e9@b\u00fccher.de", "email_key": "jos\u00e9@b\u00fccher.de"}
        db.session.execute(update(User).where(User.id == user_id).values(values))
        db.session.commit()
    for typed in ("Jos\u00e9@b\u00fccher.de", "JOSE\u0301@xn--bcher-kva.de"):
        assert attempt(app, typed, people.PASSWORD).status_code == 200


# --- what a sign-in gives --------------------------------------------------------------------------------


@pytest.mark.real_hashes
def test_a_hash_of_old_parameters_is_renewed_at_sign_in_and_nothing_else_changes(app: Flask, user_id: int) -> None:
    """A05."""

    def stored() -> str:
        with app.app_context():
            return db.session.scalars(select(User.password_hash)).one()

    assert stored() == (attempt(app, people.EMAIL, people.PASSWORD) and stored())
    old = LEAST_HASHER.hash(people.PASSWORD)
    with app.app_context():
        db.session.execute(update(User).values(password_hash=old))
        db.session.commit()
    assert (attempt(app, people.EMAIL).status_code, stored()) == (401, old)
    assert attempt(app, people.EMAIL, people.PASSWORD).status_code == 200
    assert "$m=19456,t=2,p=1$" in stored()
    assert attempt(app, people.EMAIL, people.PASSWORD).status_code == 200


@pytest.mark.parametrize("door", ["api", "form"])
def test_a_sign_in_takes_nothing_over_from_before(http: FlaskClient, user_id: int, door: str) -> None:
    """A16: a new session id, a new form token; a planted cookie or id is ignored. C10: 303, never 307 or 308."""
    planted = people.sign_in(http, transport="cookie")
    http.delete_cookie("refresh_token")
    before = csrf_token(http.get("/login"))
    cookie_before = http.get_cookie("session")
    http.set_cookie("sid", "A" * 22)
    if door == "form":
        assert sign_in_by_form(http).status_code == 303
    else:
        http.set_cookie("refresh_token", planted.refresh or "")
        people.sign_in(http, transport="cookie")
    page = http.get("/account")
    assert http.get_cookie("session") != cookie_before
    stale = http.post("/account", data={"csrf_token": before, "first_name": "Mallory"})
    assert (stale.status_code, "Mallory" in http.get("/account").text) == (400, False)
    assert csrf_token(page) != before
    cookie = http.get_cookie("refresh_token")
    assert cookie
    assert forge.read(cookie.value)["sid"] not in (forge.read(planted.access)["sid"], "A" * 22)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
     ("", 415), ("application/json", 200), ("application/json; charset=utf-8", 200)],
)  # fmt: skip
def test_only_json_signs_in_at_the_api(http: FlaskClient, user_id: int, content_type: str, status: int) -> None:
    """C05: the types that a foreign form may send are refused."""
    body = f'{{"email": "{people.EMAIL}", "password": "{people.PASSWORD}"}}'
    assert http.post("/api/login", data=body, content_type=content_type).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403),
     ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({}, 200), (SAME_ORIGIN, 200),
     ({"Origin": "http://localhost:5173", "Sec-Fetch-Site": "same-site"}, 200)],
)  # fmt: skip
def test_a_foreign_page_cannot_sign_its_visitor_in(
    http: FlaskClient, user_id: int, headers: dict[str, str], status: int
) -> None:
    """C05: login CSRF; programs, which send neither header, may sign in."""
    body = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    reply = http.post("/api/login", json=body, headers=headers)
    assert (reply.status_code, "Set-Cookie" in reply.headers) == (status, status == 200)


def test_tokens_are_as_good_after_the_nineteenth_of_january_2038(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    """RFC 7519 §2: a NumericDate has no end there, though 32 bits have."""
    clock.move_to(datetime(2040, 1, 1, tzinfo=UTC))
    signed_in = people.sign_in(app.test_client())
    assert signed_in.http.get("/api/me", headers=signed_in.bearer).status_code == 200
