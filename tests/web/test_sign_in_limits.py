"""How often one may try to sign in: per account and per address, whatever the door (A11 to A13)."""

import unicodedata
from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.attempts import WRONG, attempt, attempt_by_form
from tests.support.guessing import browser
from tests.support.steps import MINUTE, events

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def limited(make_app: Callable[..., Flask]) -> Flask:
    """The product with its limits on, and John Doe."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    return app


def exhaust(app: Flask, email: str = people.EMAIL, *, door: Callable[..., TestResponse] = attempt) -> None:
    """Fail ten times for one account, each time from another address."""
    statuses = [door(app, email, address=f"192.0.2.{number}").status_code for number in range(10)]
    assert set(statuses) <= {401, 422}


@pytest.mark.parametrize(("email", "door"), [(people.EMAIL, attempt), ("nobody@test.com", attempt_by_form)])
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


def test_one_machine_is_one_address_however_many_it_has(limited: Flask) -> None:
    """A11: a /64 of IPv6 has 2^64 of them, each of which would fail ten times; the next network goes on."""
    for number in range(10):
        assert attempt(limited, f"user{number}@test.com", address=f"2001:db8:0:1:{number:x}::1").status_code == 401
    for address, status in (("2001:db8:0:1:ffff:ffff:ffff:ffff", 429), ("2001:db8:0:2::1", 401), ("192.0.2.1", 401)):
        assert attempt(limited, "somebody@test.com", address=address).status_code == status


def test_an_ipv4_address_is_one_however_a_socket_shows_it_and_not_all_of_them(limited: Flask) -> None:
    """A11: all that are mapped into IPv6 are in one /64."""
    for number in range(10):
        address = f"{'::ffff:' * (number % 2)}192.0.2.1"
        assert attempt(limited, f"user{number}@test.com", address=address).status_code == 401
    for address, status in (("192.0.2.1", 429), ("::ffff:192.0.2.1", 429), ("::ffff:192.0.2.2", 401)):
        assert attempt(limited, "somebody@test.com", address=address).status_code == status


@pytest.mark.parametrize("name", ["unknown", "_hidden", "192.0.2.1:4711", "fe80::1%eth0", "", "::ffff:1.2.3"])
def test_what_a_proxy_calls_its_client_need_be_no_address(limited: Flask, name: str) -> None:
    """O02: it has its ten as well, and its requests are answered."""
    statuses = [attempt(limited, f"user{number}@test.com", address=name).status_code for number in range(11)]
    assert statuses == [401] * 10 + [429]


def test_the_mails_of_one_machine_are_counted_together_too(limited: Flask) -> None:
    """A11, P07: 100 in an hour."""
    replies = [
        browser(limited, address=f"2001:db8::{number:x}").post("/api/password/forgot", json={"email": "a@b.example"})
        for number in range(101)
    ]
    assert [reply.status_code for reply in replies] == [202] * 100 + [429]


DOORS_OF_A_COUNT = [
    (100, ["/api/register", "/api/password/forgot", "/api/me/email", "/api/email/resend",
           "/register", "/forgot", "/account/resend", "/account/security/email"]),
    (120, ["/api/login/passkey/options", "/api/login/passkey", "/password-strength"]),
]  # fmt: skip


@pytest.mark.parametrize(("most", "doors"), DOORS_OF_A_COUNT)
def test_the_doors_that_mail_share_one_count_and_those_that_pages_call_by_themselves_another(
    limited: Flask, most: int, doors: list[str]
) -> None:
    """P07, A11: in turn, so that one which is left out, or has a count of its own, is seen."""
    limited.config["WTF_CSRF_ENABLED"] = False  # what is counted is the request, before anybody reads its form
    http = browser(limited)
    statuses = [http.post(doors[number % len(doors)], json={}).status_code for number in range(most)]
    assert 429 not in statuses
    assert {path: http.post(path, json={}).status_code for path in doors} == dict.fromkeys(doors, 429)


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


@pytest.mark.parametrize(
    ("written", "address"),
    [("192.0.2.1:{}", "192.0.2.1"), ("[2001:db8::1]:{}", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1")],
)
def test_the_port_that_a_proxy_writes_behind_an_address_makes_no_other_client_of_it(
    make_app: Callable[..., Flask], written: str, address: str
) -> None:
    """O02, A12: as some load balancers do, one for each connection."""
    app = make_app(ratelimit_enabled=True, trusted_proxies=1)
    for number in range(11):
        headers = {"X-Forwarded-For": written.format(50_000 + number)}
        body = {"email": f"user{number}@test.com", "password": WRONG}
        reply = app.test_client().post("/api/login", json=body, headers=headers)
    assert reply.status_code == 429
    assert {event.ip for event in events(app, "sign_in_failed")} == {address}


def test_with_the_limits_off_neither_holds(app: Flask, user_id: int) -> None:
    """The contract's RATELIMIT_ENABLED=false."""
    assert {attempt(app, people.EMAIL).status_code for _ in range(11)} == {401}
    assert attempt(app, people.EMAIL, people.PASSWORD).status_code == 200
