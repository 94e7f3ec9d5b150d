"""What the settings of refresh tokens take away: the tokens themselves, or a way to carry them."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession

# --- without refresh tokens ------------------------------------------------------------------------------


def test_without_refresh_tokens_there_is_nothing_to_refresh_with(make_app, user_id) -> None:
    app = make_app(refresh_token_enabled=False)
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert app.test_client().open("/api/refresh", method=method).status_code == 404, method
    reply = app.test_client().post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD})
    assert set(reply.get_json()) == {"access_token", "token_type", "expires_in", "user"}
    assert reply.get_json()["expires_in"] == 86_400
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("enabled", [True, False])
def test_silent_refresh_is_part_of_refreshing(make_app, user_id, enabled) -> None:
    session = people.sign_in(make_app(refresh_token_enabled=enabled).test_client())
    with time_machine.travel(utc_now() + timedelta(hours=23), tick=False):
        reply = session.me()
    assert (reply.status_code, "X-New-Token" in reply.headers) == (200, enabled)


def test_without_refresh_tokens_session_and_cookie_end_with_the_access_token(make_app, user_id) -> None:
    app = make_app(refresh_token_enabled=False, access_token_expire_minutes=240)
    start = utc_now().replace(microsecond=0)
    with time_machine.travel(start, tick=False) as clock:
        session = people.sign_in(app.test_client(), transport="cookie")
        cookie = session.http.get_cookie("refresh_token")
        assert cookie is not None
        assert cookie.max_age == 14_400
        with app.app_context():
            row = db.session.query(AuthSession).one()
            assert row.expires_at == row.refresh_expires_at == start + timedelta(hours=4)
        clock.shift(timedelta(hours=4) - timedelta(seconds=1))
        assert (session.me().status_code, session.http.get("/account").status_code) == (200, 200)
        clock.shift(timedelta(seconds=1))
        assert (session.me().status_code, session.http.get("/account").status_code) == (401, 303)


# --- which transports ------------------------------------------------------------------------------------


def sign_in(app: Flask, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    body = {"email": people.EMAIL, "password": people.PASSWORD, **fields}
    return app.test_client().post("/api/login", json=body, headers=headers)


@pytest.mark.parametrize(("allowed", "refused"), [("cookie", "body"), ("body", "cookie")])
def test_a_transport_that_the_server_does_not_allow_cannot_be_chosen(make_app, user_id, allowed, refused) -> None:
    app = make_app(refresh_token_transports=allowed)
    reply = sign_in(app, transport=refused)
    assert (reply.status_code, list(reply.get_json()["errors"])) == (422, ["transport"])
    assert "Set-Cookie" not in reply.headers
    for fields in ({}, {"transport": allowed}):
        for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
            reply = sign_in(app, headers, **fields)
            assert ("Set-Cookie" in reply.headers, "refresh_token" in reply.get_json()) == (
                allowed == "cookie",
                allowed == "body",
            )


@pytest.mark.parametrize(
    ("site", "asked", "expected"),
    [
        ("same-origin", {}, "cookie"),
        ("none", {}, "body"),
        (None, {}, "body"),
        ("Same-Origin", {}, "body"),
        ("same-origin", {"transport": "body"}, "body"),
        (None, {"transport": "cookie"}, "cookie"),
    ],
)
def test_a_page_of_ours_gets_a_cookie_and_everyone_else_a_body(app, user_id, site, asked, expected) -> None:
    reply = sign_in(app, {"Sec-Fetch-Site": site} if site else {}, **asked)
    assert reply.status_code == 200
    assert ("Set-Cookie" in reply.headers, "refresh_token" in reply.get_json()) == (
        expected == "cookie",
        expected == "body",
    )
