"""What is risky is open for fifteen minutes after the sign-in: no refresh makes them more, and leaving needs none."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people, steps
from tests.support.steps import HOUR, MINUTE, bearer, current_sid, is_signed_in, refresh, sign_in_by_form
from tests.support.sudo import FRESH, RISKY_CALLS, RISKY_PAGES, STALE, call, confirm, is_fresh, visit
from webapp.web.redirects import PAGE_OF_FORM

pytestmark = pytest.mark.usefixtures("clock")


def test_every_risky_call_is_open_for_fifteen_minutes_after_the_sign_in(
    signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: refused from the fifteenth minute on."""
    clock.shift(FRESH - 1)
    assert {risky: call(signed_in, *risky) for risky in RISKY_CALLS} == RISKY_CALLS
    clock.shift(1)
    assert {risky: call(signed_in, *risky) for risky in RISKY_CALLS} == dict.fromkeys(RISKY_CALLS, STALE)


def test_every_risky_page_is_open_for_fifteen_minutes_after_the_sign_in(
    user: FlaskClient, clock: time_machine.Traveller
) -> None:
    """V08: then it asks for the password, and knows where it was called from."""
    clock.shift(FRESH - 1)
    replies = {risky: visit(user, *risky) for risky in RISKY_PAGES}
    assert {risky: reply.status_code for risky, reply in replies.items()} == RISKY_PAGES
    assert [reply.location for reply in replies.values() if "confirm" in (reply.location or "")] == []
    clock.shift(1)
    for method, path in RISKY_PAGES:
        reply = visit(user, method, path, Referer="http://localhost/account/security")
        target = path if (method, path) == ("GET", "/account/security/totp") else "/account/security"
        assert (reply.status_code, reply.location) == (303, f"/account/confirm?next={target}")


FORMS_OF_SECURITY = ["password", "email", "totp/begin", "recovery-codes", "passkeys/1/rename", "passkeys/1/remove"]


@pytest.mark.parametrize("form", FORMS_OF_SECURITY)
def test_the_way_back_from_a_form_that_was_refused_leads_to_the_page_that_holds_it(
    user: FlaskClient, clock: time_machine.Traveller, form: str
) -> None:
    """V08: the browser stands where the form was sent to, and there is no page."""
    clock.shift(FRESH)
    stands_at = f"http://localhost/account/security/{form}"
    reply = visit(user, "POST", "/account/security/totp/begin", Referer=stands_at)
    assert reply.location == "/account/confirm?next=/account/security"


@pytest.mark.parametrize("form", FORMS_OF_SECURITY)
def test_a_form_that_has_expired_leads_to_the_page_that_holds_it(user: FlaskClient, form: str) -> None:
    reply = user.post(f"/account/security/{form}", data={"csrf_token": "too old"})
    assert (reply.status_code, "The form has expired" in reply.text) == (400, True)
    assert '<a class="button button-primary" href="/account/security">Open the page again</a>' in reply.text


@pytest.mark.parametrize("form", [*FORMS_OF_SECURITY, "totp"])
def test_the_address_of_a_form_leads_to_the_page_that_holds_it(user: FlaskClient, form: str) -> None:
    """Whoever reloads there, or has it from the history, is at no dead end."""
    reply = user.get(f"/account/security/{form}")
    assert (reply.status_code, reply.location) == (303, "/account/security")


def test_every_form_without_a_page_of_its_own_is_known_to_be_on_one(app: Flask) -> None:
    """But "Sign out", which is on all of them, and what a script asks."""
    rules = list(app.url_map.iter_rules())
    pages = {rule.rule: rule.endpoint for rule in rules if "GET" in (rule.methods or ())}
    forms = {rule.endpoint for rule in rules if rule.rule not in pages and not rule.rule.startswith("/api/")}
    assert forms - {"auth.logout", "registration.strength"} == set(PAGE_OF_FORM)
    assert set(PAGE_OF_FORM.values()) <= set(pages.values())


def test_the_profile_says_when_one_signed_in_not_when_the_password_was_asked_for(
    user: FlaskClient, clock: time_machine.Traveller
) -> None:
    signed_in = '<time datetime="2026-07-01T12:00:00+00:00"'
    assert signed_in in user.get("/account").text
    clock.shift(HOUR)
    assert confirm(user, "/account/confirm?next=/account").location == "/account"
    assert signed_in in user.get("/account").text


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


def test_a_refresh_by_cookie_makes_no_page_fresher(user: FlaskClient, clock: time_machine.Traveller) -> None:
    """V08."""
    cookie = user.get_cookie("refresh_token")
    assert cookie
    clock.shift(13 * HOUR)
    assert steps.successor(refresh(user, cookie.value, "cookie")) != cookie.value
    assert visit(user, "GET", "/account/data").location == "/account/confirm?next=/account/security"


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
