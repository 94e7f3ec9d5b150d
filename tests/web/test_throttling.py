"""How often one may try to sign in: strangers are slowed down, and the owner's own devices go on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.settings import SECRET_KEY
from tests.support.steps import DAY, START, csrf_token, sign_in_by_form
from webapp.database import db
from webapp.models import User

MINUTE = 60
OTHER, NEW_PASSWORD = "other@test.com", "seven quiet hedges"
LOCKED, ELSEWHERE = "Somebody is guessing your password", "198.51.100.7"


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(ratelimit_enabled=True, mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, user_id: int, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


@pytest.fixture
def own(app: Flask, user_id: int) -> str:
    """The cookie of John Doe's browser, which has just signed in."""
    return device_cookie(app)


def device_cookie(app: Flask, email: str = people.EMAIL) -> str:
    http = app.test_client()
    people.sign_in(http, transport="cookie", email=email)
    return known_device(http)


def known_device(http: FlaskClient) -> str:
    cookie = http.get_cookie("known_device")
    assert cookie
    return cookie.value


def browser(app: Flask, cookie: str | None, address: str = ELSEWHERE) -> FlaskClient:
    """A browser at that address, with that cookie of a known device and nothing else."""
    http = app.test_client()
    http.environ_base["REMOTE_ADDR"] = address
    if cookie is not None:
        http.set_cookie("known_device", cookie)
    return http


def attempt(
    app: Flask, cookie: str | None = None, *, address: str = ELSEWHERE, email: str = people.EMAIL, **fields: str
) -> TestResponse:
    """Sign in by the API."""
    return browser(app, cookie, address).post(
        "/api/login", json={"email": email, "password": people.PASSWORD, **fields}
    )


def fail(app: Flask, times: int, cookie: str | None = None, email: str = people.EMAIL) -> None:
    """Fail so often, each time from another address."""
    for number in range(times):
        assert attempt(app, cookie, password="wrong", email=email, address=f"192.0.2.{number}").status_code == 401


def failures_in_a_row(app: Flask, so_far: int | None = None) -> int:
    """Return how many there were; `so_far` writes it down first, which spares the tests most of a hundred."""
    with app.app_context():
        if so_far is not None:
            db.session.execute(update(User).where(User.email == people.EMAIL).values(failed_sign_ins=so_far))
            db.session.commit()
        return db.session.scalars(select(User.failed_sign_ins).where(User.email == people.EMAIL)).one()


def reset(app: Flask, token: str) -> int:
    return app.test_client().post("/api/password/reset", json={"token": token, "password": NEW_PASSWORD}).status_code


def but_its_id(reply: TestResponse) -> tuple[int, dict[str, str], dict[str, str]]:
    """What an answer says, without what is another at each request."""
    headers = {name: value for name, value in reply.headers.items() if name != "X-Request-ID"}
    return reply.status_code, headers, {**reply.get_json(), "request_id": ""}


# --- known devices -----------------------------------------------------------------------------------------


def test_a_known_device_passes_while_strangers_are_throttled_at_both_doors(app: Flask, own: str) -> None:
    """A13: and at the address from which the strangers have failed."""
    fail(app, 10)
    for number in range(10):
        attempt(app, password="wrong", email=f"user{number}@test.com")
    assert [attempt(app, address=address).status_code for address in (ELSEWHERE, "203.0.113.1")] == [429, 429]
    assert attempt(app, own).status_code == 200
    assert [sign_in_by_form(browser(app, cookie)).status_code for cookie in (own, None)] == [303, 429]
    assert attempt(app, own, email=OTHER).status_code == 429


def test_a_known_device_fails_on_its_own_account(app: Flask, own: str) -> None:
    """A13, A11: ten times too; neither strangers nor another device of the user wait for it."""
    other = device_cookie(app)
    fail(app, 10, own)
    assert attempt(app, own).headers["Retry-After"] == "300"
    assert (attempt(app, other).status_code, attempt(app).status_code) == (200, 200)
    assert failures_in_a_row(app) == 0


def test_a_device_is_known_for_180_days(app: Flask, own: str, clock: time_machine.Traveller) -> None:
    """A13."""
    clock.shift(180 * DAY - 1)
    fail(app, 10)
    assert attempt(app, own).status_code == 200
    clock.shift(1)
    assert attempt(app, own).status_code == 429


def test_a_cookie_that_names_another_account_or_that_we_have_not_signed_passes_nothing(
    app: Flask, own: str, user_id: int
) -> None:
    """A13: other accounts, other keys, other purposes, pieces, other cookies."""
    people.create_user(app, OTHER)
    value = {"n": "nonce", "u": {str(user_id): int(START.timestamp())}}
    forged = {
        "of another account": device_cookie(app, OTHER),
        "signed with another key": URLSafeSerializer("x" * 32, salt="known device").dumps(value),
        "signed for another purpose": URLSafeSerializer(SECRET_KEY, salt="session").dumps(value),
        "unsigned": own.partition(".")[0],
        "a refresh token": people.sign_in(app.test_client()).refresh or "",
    }
    assert URLSafeSerializer(SECRET_KEY, salt="known device").loads(own)["u"] == value["u"]
    fail(app, 10)
    answers = {what: attempt(app, str(cookie)).status_code for what, cookie in forged.items()}
    assert answers == dict.fromkeys(forged, 429)
    assert attempt(app, own).status_code == 200


@pytest.mark.parametrize("what", ["reset", "not me"])
def test_a_reset_and_a_sign_in_that_was_not_me_make_the_account_forget_its_devices(
    app: Flask, mailbox: Mailbox, own: str, clock: time_machine.Traveller, what: str
) -> None:
    """A13, P06: whoever knew the password may have had the cookie; who signs in afterwards is known again."""
    clock.shift(MINUTE)
    password = NEW_PASSWORD if what == "reset" else people.PASSWORD
    if what == "reset":
        app.test_client().post("/api/password/forgot", json={"email": people.EMAIL})
        assert reset(app, mailbox.token("reset")) == 204
    else:
        assert attempt(app).status_code == 200
        http, path = app.test_client(), f"/not-me/{mailbox.token('not-me')}"
        assert http.post(path, data={"csrf_token": csrf_token(http.get(path))}).status_code == 303
    clock.shift(MINUTE)
    again = browser(app, own)
    sign_in_by_form(again, password=password)
    renewed = known_device(again)
    fail(app, 10)
    assert [attempt(app, cookie, password=password).status_code for cookie in (own, renewed)] == [429, 200]


# --- a hundred in a row --------------------------------------------------------------------------------------


def test_after_a_hundred_failures_in_a_row_the_right_password_lets_no_new_device_in(
    app: Flask, mailbox: Mailbox, own: str, clock: time_machine.Traveller
) -> None:
    """A14, NIST SP 800-63B-4 §3.2.2: the refusal tells nothing, the owner is mailed once, and a link opens it again."""
    failures_in_a_row(app, 85)
    for _ in range(3):
        fail(app, 10)
        clock.shift(5 * MINUTE)
    assert failures_in_a_row(app) == 115
    right, wrong = attempt(app), attempt(app, password="wrong")
    assert but_its_id(right) == but_its_id(wrong)
    assert right.get_json()["code"] == "invalid_credentials"
    assert (attempt(app, own).status_code, attempt(app).status_code) == (200, 401)
    (mail,) = mailbox.deliver()
    assert (mail["To"], mail["Subject"]) == (people.EMAIL, LOCKED)
    assert reset(app, text(mail).split("/reset/")[1].split()[0]) == 204
    assert (attempt(app, password=NEW_PASSWORD).status_code, failures_in_a_row(app)) == (200, 0)


def test_only_a_new_device_that_gets_in_ends_the_row(app: Flask, mailbox: Mailbox, own: str) -> None:
    """A14: the ninety-ninth failure keeps nobody out; what known devices do changes nothing."""
    failures_in_a_row(app, 98)
    fail(app, 1)
    fail(app, 3, own)
    assert (attempt(app, own).status_code, failures_in_a_row(app)) == (200, 99)
    assert (attempt(app).status_code, failures_in_a_row(app)) == (200, 0)
    assert LOCKED not in mailbox.to(people.EMAIL)


# --- addresses, all together, and what a refusal tells ---------------------------------------------------------


def test_a_refusal_says_how_long_to_wait_and_not_whether_there_is_an_account(app: Flask, user_id: int) -> None:
    """A11, A01."""
    fail(app, 10)
    fail(app, 10, email="nobody@test.com")
    known, unknown = attempt(app), attempt(app, email="nobody@test.com")
    assert but_its_id(known) == but_its_id(unknown)
    assert (known.status_code, known.headers["Retry-After"]) == (429, "300")


def test_all_workers_share_the_count_of_an_account(app: Flask, make_app: Callable[..., Flask], user_id: int) -> None:
    """A12."""
    workers = [app, make_app(ratelimit_enabled=True)]
    for worker in workers:
        fail(worker, 5)
    assert [attempt(worker).status_code for worker in workers] == [429, 429]


def test_successes_fill_no_limit_of_an_address_and_empty_none(app: Flask, user_id: int) -> None:
    """A11, A14: or whoever has an account of their own could guess at others without end."""
    for number in range(9):
        assert attempt(app, password="wrong", email=f"user{number}@test.com").status_code == 401
    assert {attempt(app).status_code for _ in range(12)} == {200}
    assert attempt(app, password="wrong", email=OTHER).status_code == 401
    assert (attempt(app).status_code, attempt(app, address="203.0.113.1").status_code) == (429, 200)


def test_a_thousand_failures_of_all_together_let_known_devices_pass_only(
    app: Flask, own: str, clock: time_machine.Traveller
) -> None:
    """A11, A15: over all addresses, for five minutes."""
    http = app.test_client()
    for number in range(1000):
        reply = http.post("/api/login", json={}, environ_base={"REMOTE_ADDR": f"10.0.{number // 10}.1"})
        assert reply.status_code == 422
    assert 0 < int(attempt(app).headers["Retry-After"]) <= 300
    assert attempt(app, own).status_code == 200
    clock.shift(5 * MINUTE + 1)
    assert attempt(app).status_code == 200
