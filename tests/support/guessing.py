"""Attempts to sign in, from where and with which known device a test likes."""

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.second_factor import STEP, Phone
from tests.support.steps import sign_in_by_form, submit
from webapp.database import db
from webapp.models import User

OTHER = "other@test.com"
LOCKED, ELSEWHERE = "Somebody is guessing your password", "198.51.100.7"


def device_cookie(app: Flask, email: str = people.EMAIL) -> str:
    http = app.test_client()
    people.sign_in(http, transport="cookie", email=email)
    return known_device(http)


def known_device(http: FlaskClient) -> str:
    cookie = http.get_cookie("known_device")
    assert cookie
    return cookie.value


def browser(app: Flask, cookie: str | None = None, address: str = ELSEWHERE) -> FlaskClient:
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


def but_its_id(reply: TestResponse) -> tuple[int, dict[str, str], dict[str, str]]:
    """What an answer says, without what is another at each request."""
    headers = {name: value for name, value in reply.headers.items() if name != "X-Request-ID"}
    return reply.status_code, headers, {**reply.get_json(), "request_id": ""}


# --- with a second factor --------------------------------------------------------------------------------


def sign_in_with_code(app: Flask, phone: Phone, clock: time_machine.Traveller) -> str:
    """Return the cookie of a new browser that signs in with a code; the next code is another one."""
    http = browser(app)
    body = {"email": people.EMAIL, "password": people.PASSWORD, "code": phone.code(), "transport": "cookie"}
    assert http.post("/api/login", json=body).status_code == 200
    clock.shift(STEP)
    return known_device(http)


def waiting_for_code(app: Flask, cookie: str | None = None) -> FlaskClient:
    """A browser that has shown the password on the page, and is asked for the code."""
    http = browser(app, cookie)
    assert sign_in_by_form(http).location == "/login/code"
    return http


def give_code(http: FlaskClient, code: str) -> TestResponse:
    return submit(http, "/login/code", {"code": code})
