"""Signing in: what is told to whom does not sign in (A01, A02), and how often one may try (A11 to A13)."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.support import forge, people
from tests.support.steps import SAME_ORIGIN, START, alert, csrf_token, events, sign_in_by_form
from webapp import passwords
from webapp.database import Base, db
from webapp.models import User

MINUTE, WRONG = 60, "wrong password"


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def limited(make_app: Callable[..., Flask]) -> Flask:
    """The product with its limits on, and John Doe."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    return app


def attempt(
    app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1", **fields: Any
) -> TestResponse:
    """Try to sign in by the API from that address, with a browser of its own."""
    body = {"email": email, "password": password, **fields}
    return app.test_client().post("/api/login", json=body, environ_base={"REMOTE_ADDR": address})


def attempt_by_form(app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1") -> TestResponse:
    http = app.test_client()
    http.environ_base["REMOTE_ADDR"] = address
    return sign_in_by_form(http, email=email, password=password)


def exhaust(app: Flask, email: str = people.EMAIL, *, door: Callable[..., TestResponse] = attempt) -> None:
    """Fail ten times for one account, each time from another address."""
    statuses = [door(app, email, address=f"192.0.2.{number}").status_code for number in range(10)]
    assert set(statuses) <= {401, 422}


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
    assert len({known.account_key, unknown.account_key, None, success.session_id}) == 4
    for event in (known, unknown, success):
        assert (event.ip, event.at, len(event.request_id)) == ("127.0.0.1", START, 16)
    with app.app_context():
        dump = str([row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))])
    assert people.EMAIL not in str([(event.detail, event.account_key) for event in (known, success)])
    assert not any(secret in dump for secret in ("hunter2", people.PASSWORD, WRONG))


# --- what a sign-in gives --------------------------------------------------------------------------------


@pytest.mark.real_hashes
def test_a_hash_of_old_parameters_is_renewed_at_sign_in_and_nothing_else_changes(app: Flask, user_id: int) -> None:
    """A05."""

    def stored() -> str:
        with app.app_context():
            return db.session.scalars(select(User.password_hash)).one()

    assert stored() == (attempt(app, people.EMAIL, people.PASSWORD) and stored())
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(people.PASSWORD)
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
        page = http.get("/account")
        assert http.get_cookie("session") != cookie_before
        stale = http.post("/account", data={"csrf_token": before, "first_name": "Mallory"})
        assert (stale.status_code, "Mallory" in http.get("/account").text) == (400, False)
        assert csrf_token(page) != before
    else:
        http.set_cookie("refresh_token", planted.refresh or "")
        people.sign_in(http, transport="cookie")
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


# --- how often -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "door"), [(people.EMAIL, attempt), ("nobody@test.com", attempt_by_form), ("not an address", attempt)]
)
def test_after_ten_failures_an_account_waits_whether_or_not_it_is_one(
    limited: Flask, clock: time_machine.Traveller, email: str, door: Callable[..., TestResponse]
) -> None:
    """A11, A12, A01: from whatever addresses; with the right password too; until the window has passed."""
    exhaust(limited, email, door=door)
    clock.shift(MINUTE)
    for other_door in (attempt, attempt_by_form):
        reply = other_door(limited, email, people.PASSWORD, address="198.51.100.1")
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "240")
    assert attempt(limited, "somebody@else.example", address="198.51.100.1").status_code == 401
    clock.shift(4 * MINUTE - 1)
    assert attempt(limited, email, people.PASSWORD, address="198.51.100.2").headers["Retry-After"] == "1"
    clock.shift(1)
    reply = attempt(limited, email, people.PASSWORD, address="198.51.100.2")
    assert reply.status_code == (200 if email == people.EMAIL else 401)


def test_one_accounts_failures_are_one_count_in_whatever_case_or_form_the_address_is_written(limited: Flask) -> None:
    """A12."""
    decomposed = unicodedata.normalize("NFD", "tést@exämple.com")
    for variants in (
        ["test@test.com", "TEST@TEST.COM", " Test@test.com "],
        ["tést@exämple.com", "TÉST@EXÄMPLE.com", decomposed],
        ["nö address", "NÖ ADDRESS", unicodedata.normalize("NFD", "nö address")],
    ):
        for number in range(10):
            assert attempt(limited, variants[number % 3], address=f"192.0.2.{number}").status_code == 401
        assert [attempt(limited, variant, address="198.51.100.1").status_code for variant in variants] == [429] * 3


def test_the_wait_is_counted_from_the_oldest_failure(limited: Flask, clock: time_machine.Traveller) -> None:
    """A13: nobody waits longer than they have to."""
    for number in range(10):
        attempt(limited, people.EMAIL, address=f"192.0.2.{number}")
        clock.shift(10)
    assert attempt(limited, people.EMAIL, address="198.51.100.1").headers["Retry-After"] == "200"


def test_a_refused_attempt_is_not_counted_itself(limited: Flask, clock: time_machine.Traveller) -> None:
    """A13: or an attacker keeps the account shut with one request every five minutes."""
    exhaust(limited)
    clock.shift(4 * MINUTE)
    for number in range(20):
        assert attempt(limited, people.EMAIL, address=f"198.51.100.{number}").status_code == 429
    clock.shift(MINUTE)
    assert attempt(limited, people.EMAIL, people.PASSWORD, address="203.0.113.1").status_code == 200


def test_live_sessions_are_not_touched_by_the_throttle(limited: Flask) -> None:
    """A13."""
    client = people.sign_in(limited.test_client())
    exhaust(limited)
    assert client.me().status_code == 200
    assert client.http.post("/api/refresh", json={"refresh_token": client.refresh}).status_code == 200


def test_the_eleventh_failure_from_one_address_is_refused(limited: Flask, clock: time_machine.Traveller) -> None:
    """A11: over both doors and many accounts, for five minutes; each other address goes on."""
    for number in range(10):
        door = attempt if number % 2 else attempt_by_form
        assert door(limited, f"user{number}@test.com").status_code in (401, 422)
    reply = attempt(limited, "somebody@test.com")
    assert (reply.status_code, reply.json["code"]) == (429, "too_many_attempts")
    assert reply.content_type == "application/problem+json"
    page = attempt_by_form(limited, people.EMAIL, people.PASSWORD)
    assert (page.status_code, page.mimetype) == (429, "text/html")
    assert [answer.headers["Retry-After"] for answer in (reply, page) if int(answer.headers["Retry-After"]) > 300] == []
    assert attempt(limited, people.EMAIL, people.PASSWORD, address="192.0.2.1").status_code == 200
    clock.shift(5 * MINUTE + 1)
    assert attempt(limited, people.EMAIL, people.PASSWORD).status_code == 200


def test_successes_are_not_counted(limited: Flask) -> None:
    """A11: an office behind one address."""
    assert {attempt(limited, people.EMAIL, people.PASSWORD).status_code for _ in range(21)} == {200}


def test_a_forwarded_address_that_nobody_vouches_for_makes_no_difference(limited: Flask) -> None:
    """O02, A12: with TRUSTED_PROXIES=0 the header is ignored."""
    body, http = {"email": "", "password": WRONG}, limited.test_client()
    for number in range(10):
        body["email"] = f"user{number}@test.com"
        http.post("/api/login", json=body, headers={"X-Forwarded-For": f"192.0.2.{number}"})
    reply = http.post("/api/login", json=body, headers={"X-Forwarded-For": "198.51.100.1"})
    assert reply.status_code == 429
    assert {event.ip for event in events(limited, "sign_in_failed")} == {"127.0.0.1"}


def test_with_the_limits_off_neither_holds(app: Flask, user_id: int) -> None:
    """The contract's RATELIMIT_ENABLED=false."""
    assert {attempt(app, people.EMAIL).status_code for _ in range(11)} == {401}
    assert attempt(app, people.EMAIL, people.PASSWORD).status_code == 200
