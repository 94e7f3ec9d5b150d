"""Proving again who one is: what is risky asks for it, for how long it holds, what it never leads to."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import forge, people, steps
from tests.support.steps import HOUR, bearer, csrf_token, current_sid, is_signed_in, refresh, sign_in_by_form

MINUTE = 60
FRESH = 15 * MINUTE
NOBODYS = "A" * 22  # the id of a session that is not there
STALE = (403, "reauthentication_required")
WRONG = (422, {"password": ["That is not your password."]})

# What is risky, and what it answers to whoever is fresh but has nothing there.
RISKY_CALLS: dict[tuple[str, str], tuple[int, str]] = {
    ("POST", "/api/me/totp"): (200, ""),
    ("POST", "/api/me/totp/confirm"): (422, "invalid_fields"),
    ("POST", "/api/me/recovery-codes"): (409, "second_factor_state"),
    ("POST", "/api/passkeys/options"): (200, ""),
    ("POST", "/api/passkeys"): (422, "invalid_fields"),
    ("DELETE", "/api/passkeys/1"): (404, "not_found"),
    ("DELETE", "/api/sessions"): (204, ""),
    ("DELETE", f"/api/sessions/{NOBODYS}"): (404, "not_found"),
    ("GET", "/api/me/data"): (200, ""),
}
RISKY_PAGES: dict[tuple[str, str], int] = {
    ("POST", "/account/security/totp/begin"): 303,
    ("GET", "/account/security/totp"): 200,
    ("POST", "/account/security/totp"): 422,
    ("POST", "/account/security/recovery-codes"): 409,
    ("POST", "/account/security/passkeys/1/remove"): 404,
    ("POST", "/account/sessions/end-others"): 303,
    ("POST", f"/account/sessions/{NOBODYS}/end"): 303,
    ("GET", "/account/data"): 200,
}


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def browser(http: FlaskClient, user_id: int) -> FlaskClient:
    """John Doe's browser, signed in by the form."""
    sign_in_by_form(http)
    return http


def call(session: people.SignedIn, method: str, path: str, token: str | None = None) -> tuple[int, str]:
    body: dict[str, str] | None = None if method == "GET" else {}
    headers = bearer(token or session.access)
    reply = session.http.open(path, method=method, json=body, headers=headers)
    return reply.status_code, (reply.json or {}).get("code", "")


def is_fresh(session: people.SignedIn, token: str | None = None) -> bool:
    return {(200, ""): True, STALE: False}[call(session, "GET", "/api/me/data", token)]


def reauthenticate(session: people.SignedIn, password: str = people.PASSWORD) -> TestResponse:
    return session.http.post("/api/me/reauthenticate", json={"password": password}, headers=session.bearer)


def visit(http: FlaskClient, method: str, path: str, **headers: str) -> TestResponse:
    """Open a page, or send its form as the page itself would."""
    data = {} if method == "GET" else {"csrf_token": csrf_token(http.get("/account"))}
    return http.open(path, method=method, data=data, headers=headers)


def confirm(http: FlaskClient, location: str, password: str = people.PASSWORD, **fields: str) -> TestResponse:
    """Open the page that asks for the password, and send its form."""
    page = http.get(location)
    form = {
        "csrf_token": csrf_token(page),
        "next": steps.attribute(steps.field(page, "next"), "value"),
        "password": password,
    }
    return http.post("/account/confirm", data={**form, **fields})


# --- what is risky, and for how long it is open --------------------------------------------------------------


def test_every_risky_call_is_open_for_fifteen_minutes_after_the_sign_in(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: refused from the fifteenth minute on."""
    clock.shift(FRESH - 1)
    assert {risky: call(signed_in, *risky) for risky in RISKY_CALLS} == RISKY_CALLS
    clock.shift(1)
    assert {risky: call(signed_in, *risky) for risky in RISKY_CALLS} == dict.fromkeys(RISKY_CALLS, STALE)


def test_every_risky_page_is_open_for_fifteen_minutes_after_the_sign_in(
    browser: FlaskClient, clock: time_machine.Traveller
) -> None:
    """V08: then it asks for the password, and knows where it was called from."""
    clock.shift(FRESH - 1)
    replies = {risky: visit(browser, *risky) for risky in RISKY_PAGES}
    assert {risky: reply.status_code for risky, reply in replies.items()} == RISKY_PAGES
    assert [reply.location for reply in replies.values() if "confirm" in (reply.location or "")] == []
    clock.shift(1)
    for method, path in RISKY_PAGES:
        reply = visit(browser, method, path, Referer="http://localhost/account/security")
        target = path if method == "GET" else "/account/security"
        assert (reply.status_code, reply.location) == (303, f"/account/confirm?next={target}")


@pytest.mark.parametrize("risky", [("GET", "/account/data"), ("POST", "/account/sessions/end-others")])
def test_the_password_leads_back_to_the_page_and_opens_it(
    app: Flask, browser: FlaskClient, clock: time_machine.Traveller, risky: tuple[str, str]
) -> None:
    """V08: a wrong one does not, and does not lose the way; nothing was done meanwhile."""
    other = people.sign_in(app.test_client())
    clock.shift(FRESH)
    source = risky[1] if risky[0] == "GET" else "/account/sessions"
    asked = visit(browser, *risky, Referer=f"http://localhost{source}")
    refused = confirm(browser, asked.location, "wrong")
    assert (refused.status_code, "not your password" in steps.alert(refused)) == (422, True)
    assert steps.attribute(steps.field(refused, "next"), "value") == source
    assert visit(browser, *risky).location == "/account/confirm?next=" + (source if risky[0] == "GET" else "/account")
    assert other.me().status_code == 200
    reply = confirm(browser, asked.location)
    assert (reply.status_code, reply.location) == (303, source)
    assert visit(browser, *risky).status_code == RISKY_PAGES[risky]


def test_the_right_password_makes_this_session_fresh_for_fifteen_minutes_and_a_wrong_one_does_not(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08, ASVS 7.5.1: and no other session of the user."""
    other = people.sign_in(app.test_client())
    clock.shift(HOUR)
    for password in ("wrong", people.PASSWORD.lower(), people.PASSWORD + " "):
        reply = reauthenticate(signed_in, password)
        assert (reply.status_code, reply.get_json()["errors"]) == WRONG
    assert not is_fresh(signed_in)
    assert reauthenticate(signed_in).status_code == 204
    assert (is_fresh(signed_in), is_fresh(other)) == (True, False)
    clock.shift(FRESH - 1)
    assert is_fresh(signed_in)
    clock.shift(1)
    assert not is_fresh(signed_in)


def test_no_refresh_makes_a_session_fresher(signed_in: people.SignedIn, clock: time_machine.Traveller) -> None:
    """V08: neither the silent one, nor either way to ask for it; what a fresh session was given ages with it."""
    clock.shift(FRESH - MINUTE)
    young = refresh(signed_in.http, signed_in.refresh or "").get_json()
    assert is_fresh(signed_in, young["access_token"])
    clock.shift(MINUTE)
    assert not is_fresh(signed_in, young["access_token"])
    clock.shift(22 * HOUR)
    silent = bearer(young["access_token"])
    renewed = [signed_in.http.get("/api/me", headers=silent).headers["X-New-Token"]]
    renewed += [
        refresh(signed_in.http, young["refresh_token"], how).get_json()["access_token"] for how in ("body", "bearer")
    ]
    assert [is_fresh(signed_in, token) for token in renewed] == [False] * 3


def test_a_refresh_by_cookie_makes_no_page_fresher(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    """V08."""
    cookie = browser.get_cookie("refresh_token")
    assert cookie
    clock.shift(13 * HOUR)
    assert steps.successor(refresh(browser, cookie.value, "cookie")) != cookie.value
    assert visit(browser, "GET", "/account/data").location == "/account/confirm?next=/account/data"


def test_a_stale_session_can_be_ended_by_itself(app: Flask, user_id: int, clock: time_machine.Traveller) -> None:
    """V08: by program and by page, by signing out and in the list of devices."""
    programs = [people.sign_in(app.test_client()) for _ in range(2)]
    browsers = [app.test_client() for _ in range(2)]
    for browser in browsers:
        sign_in_by_form(browser)
    clock.shift(FRESH + HOUR)
    own = forge.read(programs[1].access)["sid"]
    ways = [("POST", "/api/logout"), ("DELETE", f"/api/sessions/{own}")]
    for session, (method, path) in zip(programs, ways, strict=True):
        assert session.http.open(path, method=method, headers=session.bearer).status_code == 204
        assert session.me().status_code == 401
    for browser, path in zip(browsers, ["/logout", f"/account/sessions/{current_sid(browsers[1])}/end"], strict=True):
        reply = visit(browser, "POST", path)
        assert (reply.status_code, reply.location, is_signed_in(browser)) == (303, "/login", False)


# --- guessing ----------------------------------------------------------------------------------------------


def test_wrong_passwords_of_a_session_are_one_count_apart_from_other_sessions_and_the_sign_in_page(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """A10, A13: ten in five minutes over all that ask. A thief of a session does not keep its owner out or from what is
    risky, nor do strangers who fail to sign in keep the owner from the password."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    thief, elsewhere = (people.sign_in(app.test_client()) for _ in range(2))
    wrong = {"password": "wrong"}
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/me/reauthenticate", wrong),
        ("POST", "/api/me/password", {"current_password": "wrong", "new_password": "seven quiet hedges"}),
        ("POST", "/api/me/email", {"email": "thief@example.com", **wrong}),
        ("DELETE", "/api/me/totp", wrong),
        ("DELETE", "/api/me", wrong),
    ]

    def knock() -> list[int]:
        return [
            thief.http.open(path, method=method, json=body, headers=thief.bearer).status_code
            for method, path, body in doors
        ]

    assert [knock(), knock(), knock()] == [[422] * 5, [422] * 5, [429] * 5]
    assert reauthenticate(elsewhere).status_code == 204
    clock.shift(MINUTE)
    refused = reauthenticate(thief)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_attempts")
    assert refused.headers["Retry-After"] == "240"
    owner = people.sign_in(app.test_client())
    clock.shift(4 * MINUTE)
    body = {"email": people.EMAIL, "password": "wrong"}
    assert [app.test_client().post("/api/login", json=body).status_code for _ in range(11)] == [401] * 10 + [429]
    assert reauthenticate(owner).status_code == 204


# --- where it leads ------------------------------------------------------------------------------------------


def test_the_way_back_never_leads_to_another_site(browser: FlaskClient, clock: time_machine.Traveller) -> None:
    """V08, RFC 9700 §4.11: neither by the page's address, nor by its form, nor by a referrer."""
    foreign = ["https://evil.example/", "//evil.example", "/\\evil.example", "/%09/evil.example", "\\\\evil.example"]
    for target in (*foreign, "javascript:alert(1)", "evil.example"):
        opened = confirm(browser, f"/account/confirm?next={target}")
        sent = confirm(browser, "/account/confirm", next=unquote(target))
        assert [(reply.status_code, reply.location) for reply in (opened, sent)] == [(303, "/account")] * 2
    clock.shift(FRESH)
    for referrer in ("https://evil.example//evil.example", "https://evil.example", "nonsense"):
        reply = visit(browser, "POST", "/account/sessions/end-others", Referer=referrer)
        assert reply.location == "/account/confirm?next=/account"
