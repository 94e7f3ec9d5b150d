"""What another service is told of a token, and which service is told (RFC 7662)."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.forge import read
from tests.support.key_pairs import ED25519, pem
from tests.support.settings import PUBLIC_URL
from tests.support.steps import DAY, START, refresh
from webapp import accounts
from webapp.database import db
from webapp.models import AuthSession

NAME, SECRET = "reports", "introspection-secret-0123456789-abcdef"
INACTIVE = {"active": False}


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(introspection_clients=f"{NAME}:{SECRET}, other:{SECRET[::-1]}", jwt_signing_key=pem(ED25519))


def ask(http: FlaskClient, token: str, *, auth: Any = (NAME, SECRET), **form: Any) -> TestResponse:
    return http.post("/api/introspect", data={"token": token, **form}, auth=auth)


def told(http: FlaskClient, token: str) -> dict[str, Any]:
    reply = ask(http, token)
    assert (reply.status_code, reply.content_type) == (200, "application/json"), reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    return dict(reply.json)


def test_of_a_good_token_a_service_hears_whose_it_is(http: FlaskClient, signed_in: people.SignedIn) -> None:
    """RFC 7662 §2.2."""
    claims = read(signed_in.access)
    now = int(START.timestamp())
    assert told(http, signed_in.access) == {
        "active": True,
        "token_type": "Bearer",
        "iss": PUBLIC_URL,
        "aud": f"{PUBLIC_URL}/api",
        "sub": claims["sub"],
        "username": people.EMAIL,
        "sid": claims["sid"],
        "iat": now,
        "exp": now + DAY,
        "auth_time": now,
    }
    assert told(http, signed_in.access) == told(http, signed_in.access)
    assert ask(http, signed_in.access, token_type_hint="refresh_token", unknown="x").json["active"], "hints bind nobody"


def _form_encoded(text: str) -> str:
    return "".join(letter if letter.isalnum() else f"%{ord(letter):02X}" for letter in text)


@pytest.mark.parametrize("write", [str, _form_encoded])
def test_a_service_may_write_its_name_and_secret_as_oauth_says(
    make_app: Callable[..., Flask], write: Callable[[str], str]
) -> None:
    """RFC 6749 §2.3.1: form-encoded, as oauth4webapi does."""
    name, secret = "order-service", "introspection_secret.0123456789-~abcdef"
    app = make_app(introspection_clients=f"{name}:{secret}")
    people.create_user(app)
    http = app.test_client()
    assert ask(http, people.sign_in(http).access, auth=(write(name), write(secret))).json["active"]


def test_a_token_is_inactive_the_moment_its_session_ends(
    app: Flask, http: FlaskClient, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V04: what a service that verifies by itself cannot know."""
    other = people.sign_in(app.test_client())
    assert signed_in.http.post("/api/logout", headers=signed_in.bearer).status_code == 204
    assert told(http, signed_in.access) == INACTIVE
    assert told(http, other.access)["active"]
    with app.app_context():
        user = accounts.find_user(db.session, people.EMAIL)
        assert user
        user.is_active = False
        db.session.commit()
    assert told(http, other.access) == INACTIVE


def test_a_token_is_inactive_once_it_has_expired(
    http: FlaskClient, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    clock.shift(DAY + 10)
    assert told(http, signed_in.access) == INACTIVE


def test_a_token_near_the_end_of_its_session_is_said_to_end_with_it(
    make_app: Callable[..., Flask], app: Flask, user_id: int
) -> None:
    short = make_app(introspection_clients=f"{NAME}:{SECRET}", session_max_days=0.5)
    http = short.test_client()
    assert told(http, people.sign_in(http).access)["exp"] == int(START.timestamp()) + DAY // 2


@pytest.mark.parametrize("token", ["x", "eyJ.eyJ.x", "a" * 5000, "\0", "\u0661", "é.é.é"])
def test_what_is_no_access_token_of_ours_is_inactive(http: FlaskClient, user_id: int, token: str) -> None:
    assert told(http, token) == INACTIVE


def test_a_refresh_token_opens_nothing_for_a_service(http: FlaskClient, signed_in: people.SignedIn) -> None:
    assert signed_in.refresh
    assert told(http, signed_in.refresh) == INACTIVE


def test_a_question_is_no_use_of_the_session(
    app: Flask, http: FlaskClient, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """Neither seen nor confirmed: the row stays as it is, though the token proves that its client has the successor."""

    def row() -> Any:
        with app.app_context():
            return db.session.execute(select(AuthSession.__table__)).all()

    assert signed_in.refresh
    access = refresh(app.test_client(), signed_in.refresh).json["access_token"]
    before = row()
    clock.shift(3600)
    answer = ask(http, access)
    assert answer.json["active"]
    assert row() == before
    assert "X-New-Token" not in answer.headers


@pytest.mark.parametrize(
    "auth",
    [None, ("", ""), (NAME, ""), (NAME, SECRET[:-1]), (NAME, SECRET + "x"), (NAME, SECRET[::-1]), ("other", SECRET),
     ("nobody", SECRET), ("", SECRET), (NAME.upper(), SECRET), (NAME, "é"), ("é", SECRET)],
    ids=str,
)  # fmt: skip
def test_who_has_no_secret_is_told_nothing(http: FlaskClient, signed_in: people.SignedIn, auth: Any) -> None:
    """RFC 6749 §5.2."""
    reply = ask(http, signed_in.access, auth=auth)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == 'Basic realm="introspection"'
    assert reply.json == {
        "error": "invalid_client",
        "error_description": "The service's name or secret is not right.",
    }


@pytest.mark.parametrize("header", ["Bearer {access}", "Basic", "Basic x", "Basic !!!!", f"Digest username={NAME}"])
def test_a_token_or_a_damaged_header_is_no_secret(http: FlaskClient, signed_in: people.SignedIn, header: str) -> None:
    headers = {"Authorization": header.format(access=signed_in.access)}
    reply = http.post("/api/introspect", data={"token": signed_in.access}, headers=headers)
    assert (reply.status_code, reply.json["error"]) == (401, "invalid_client")


def test_while_one_secret_takes_the_place_of_another_both_are_good(
    make_app: Callable[..., Flask], signed_in: people.SignedIn
) -> None:
    new = SECRET.upper()
    http = make_app(introspection_clients=f"{NAME}:{SECRET},other:{SECRET[::-1]},{NAME}:{new}").test_client()
    statuses = [ask(http, "x", auth=(NAME, secret)).status_code for secret in (SECRET, new, SECRET[::-1], "")]
    assert statuses == [200, 200, 401, 401]


def test_without_services_nobody_may_ask(make_app: Callable[..., Flask], user_id: int) -> None:
    http = make_app(introspection_clients="").test_client()
    for auth in (("", ""), (NAME, SECRET), None):
        assert ask(http, "x", auth=auth).status_code == 401


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": ["x", "y"]}, {"token": "x", "a": ["1", "1"]}])
def test_a_question_has_one_token(http: FlaskClient, user_id: int, form: dict[str, Any]) -> None:
    reply = http.post("/api/introspect", data=form, auth=(NAME, SECRET))
    assert (reply.status_code, reply.json["error"]) == (400, "invalid_request")
    in_json = http.post("/api/introspect", json={"token": "x"}, auth=(NAME, SECRET))
    assert (in_json.status_code, in_json.json["error"]) == (400, "invalid_request")
