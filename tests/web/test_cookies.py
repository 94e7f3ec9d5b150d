"""The cookies: their attributes, how long they live, and how they are taken away (H03, H04, V09)."""

import base64
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import Morsel

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import forge, people
from tests.support.cookies import client_of, cookies, login
from tests.support.steps import DAY, SAME_ORIGIN, refresh, sign_in_by_form, submit

pytestmark = pytest.mark.usefixtures("clock")


def attributes(cookie: Morsel[str]) -> dict[str, object]:
    """Return the attributes of a cookie, without `expires`, which says what `max-age` says."""
    return {name: value for name, value in cookie.items() if value and name != "expires"}


def test_the_refresh_cookie_in_production_is_host_bound_secure_and_hidden_from_scripts(production: FlaskClient) -> None:
    """H03: no Domain; Max-Age is the life of the token."""
    cookie = cookies(login(production))["__Host-refresh_token"]
    assert attributes(cookie) == {
        "path": "/", "secure": True, "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY),
    }  # fmt: skip
    assert len(cookie.key) + len(cookie.value) < 4096
    assert forge.read(cookie.value)["gen"] == 1


def test_the_refresh_cookie_in_development_works_over_plain_http(http: FlaskClient, user_id: int) -> None:
    """H03: no `__Host-` and no Secure, or no browser would keep it."""
    cookie = cookies(login(http))["refresh_token"]
    assert attributes(cookie) == {"path": "/", "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY)}


@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_by_which_a_device_is_known_is_as_closed_and_lives_for_half_a_year(
    make_app: Callable[..., Flask], is_https: bool
) -> None:
    """Whoever reads it may guess passwords as a known device does."""
    http = client_of(make_app, is_https=is_https)
    name, closed = ("__Host-known_device", {"secure": True}) if is_https else ("known_device", {})
    for sign_in in (sign_in_by_form, login):
        assert attributes(cookies(sign_in(http))[name]) == {
            "path": "/", "httponly": True, "samesite": "Lax", "max-age": str(180 * DAY), **closed,
        }  # fmt: skip


def test_a_sign_in_by_form_sets_the_same_cookie(http: FlaskClient, user_id: int) -> None:
    """H03."""
    cookie = cookies(sign_in_by_form(http))["refresh_token"]
    assert attributes(cookie) == {"path": "/", "httponly": True, "samesite": "Lax", "max-age": str(30 * DAY)}


def test_the_cookie_lives_as_long_as_its_token_which_is_never_longer_than_the_session(
    http: FlaskClient, user_id: int, clock: time_machine.Traveller
) -> None:
    """H03, R10: on the day before the session's end one day is left."""
    cookie = cookies(login(http))["refresh_token"]
    clock.shift(29 * DAY)
    cookie = cookies(refresh(http, cookie.value, "cookie"))["refresh_token"]
    assert cookie["max-age"] == str(DAY)
    assert forge.read(cookie.value)["exp"] == int(datetime.now(UTC).timestamp()) + DAY


@pytest.mark.parametrize("door", ["api", "form"])
def test_a_device_that_is_not_to_be_remembered_forgets_when_its_browser_closes(
    http: FlaskClient, user_id: int, door: str
) -> None:
    """The contract: no Max-Age, and it stays so after a refresh."""
    reply = login(http, remember=False) if door == "api" else sign_in_by_form(http, remember="")
    for _ in range(3):
        cookie = cookies(reply)["refresh_token"]
        assert (cookie["max-age"], cookie["expires"]) == ("", "")
        reply = refresh(http, cookie.value, "cookie")


def test_without_refresh_tokens_the_cookie_of_the_pages_lives_as_long_as_an_access_token(
    make_app: Callable[..., Flask],
) -> None:
    """The contract's REFRESH_TOKEN_ENABLED=false."""
    app = make_app(refresh_token_enabled=False)
    people.create_user(app)
    assert cookies(login(app.test_client()))["refresh_token"]["max-age"] == str(DAY)


@pytest.mark.parametrize("how", ["api", "page", "reuse"])
@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_is_taken_away_with_the_attributes_it_was_set_with(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, how: str, is_https: bool
) -> None:
    """V09: a browser ignores the deletion of a `__Host-` cookie without Secure and Path=/."""
    http = client_of(make_app, is_https=is_https, use_cookies=False)
    name = "__Host-refresh_token" if is_https else "refresh_token"
    first = cookies(login(http))[name].value
    sent = {**SAME_ORIGIN, "Cookie": f"{name}={first}"}
    if how == "reuse":
        second = cookies(http.post("/api/refresh", headers=sent))[name].value
        http.post("/api/refresh", headers={**sent, "Cookie": f"{name}={second}"})
        clock.shift(60)
        reply = http.post("/api/refresh", headers=sent)
    else:
        reply = http.post("/api/logout", headers=sent)
    if how == "page":
        reply = http.get("/account", headers=sent)
    gone = cookies(reply)[name]
    assert (gone.value, gone["max-age"]) == ("", "0")
    assert parsedate_to_datetime(gone["expires"]).timestamp() <= 0
    assert (gone["path"], gone["httponly"], gone["samesite"], gone["domain"]) == ("/", True, "Lax", "")
    assert bool(gone["secure"]) is is_https


def what_is_read_in(cookie: Morsel[str]) -> str:
    """Return what the cookie of the forms says to whoever has it: it is signed, not encrypted."""
    payload = cookie.value.lstrip(".").split(".")[0]
    data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(data) if cookie.value.startswith(".") else data).decode()


@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_of_the_forms_has_the_same_attributes_and_holds_nothing_personal(
    make_app: Callable[..., Flask], is_https: bool
) -> None:
    """H04."""
    http = client_of(make_app, is_https=is_https)
    login(http)
    cookie = cookies(http.get("/account"))["__Host-session" if is_https else "session"]
    expected = {"path": "/", "httponly": True, "samesite": "Lax", **({"secure": True} if is_https else {})}
    assert attributes(cookie) == expected
    text = what_is_read_in(cookie)
    assert "csrf_token" in text
    assert not any(secret in text for secret in (people.EMAIL, "John", "Doe", "eyJ"))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/account/security/email", "asked_for"),
        ("/account/resend", "Your address is confirmed already."),
        ("/forgot", "mailed"),
    ],
)
def test_what_a_form_is_answered_with_names_no_address_in_the_cookie(user: FlaskClient, path: str, words: str) -> None:
    """H04: words that wait there for the next page."""
    reply = submit(user, path, {"email": "new@example.com", "password": people.PASSWORD}, form="/account")
    assert reply.status_code == 303
    text = what_is_read_in(cookies(reply)["session"])
    assert words in text
    assert "@" not in text
