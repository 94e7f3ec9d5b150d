"""The token of every form (C04), and what becomes of who sends one that has expired (C06)."""

import re
from collections.abc import Callable
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.steps import OWN, csrf_token, current_sid, https_client, is_signed_in, sign_in_by_form, title

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def user(http: FlaskClient, user_id: int) -> FlaskClient:
    """The browser in which John Doe is signed in."""
    assert sign_in_by_form(http).status_code == 303
    return http


FORMS = ["/login", "/logout", "/account", "/account/sessions/end-others", "/account/sessions/" + "A" * 22 + "/end"]


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_a_token_of_this_browser_is_refused_and_changes_nothing(
    app: Flask, user: FlaskClient, path: str
) -> None:
    """C04, C06: missing, made up, somebody else's, out of date; the user stays signed in."""
    stranger = csrf_token(app.test_client().get("/login"))
    path = path.replace("A" * 22, current_sid(user))
    for token in (None, "", "x", stranger):
        data = {"first_name": "Mallory", "last_name": "", **({} if token is None else {"csrf_token": token})}
        reply = user.post(path, data=data)
        # Who signs in where somebody is signed in is led on: the form is not looked at either.
        assert (token, reply.status_code) == (token, 303 if path == "/login" else 400)
        assert "Set-Cookie" not in reply.headers or "refresh_token" not in reply.headers["Set-Cookie"]
    assert is_signed_in(user)
    assert "Mallory" not in user.get("/account").text


def test_a_form_that_was_open_for_too_long_is_refused(user: FlaskClient, clock: time_machine.Traveller) -> None:
    """C04: twelve hours."""
    token = csrf_token(user.get("/account"))
    clock.shift(12 * 3600 + 1)
    assert user.post("/account", data={"csrf_token": token, "first_name": "Jane"}).status_code == 400


@pytest.mark.parametrize("path", FORMS[1:])
def test_who_sends_an_expired_form_is_offered_a_page_from_which_to_try_again(user: FlaskClient, path: str) -> None:
    """C06: each link on that page can be followed."""
    reply = user.post(path.replace("A" * 22, current_sid(user)), data={"csrf_token": "x"})
    assert "expired" in title(reply)
    main = reply.text[reply.text.index("<main") :]
    links = [unescape(link) for link in re.findall(r'<a[^>]*href="(/[^"]*)"', main)]
    assert links
    assert [(link, user.get(link).status_code) for link in links if user.get(link).status_code >= 400] == []


def test_the_page_of_an_expired_form_knows_who_is_signed_in(user: FlaskClient) -> None:
    """C06: it must not look as if the user had been signed out; and the request has its number."""
    reply = user.post("/account", data={"csrf_token": "x"})
    assert 'href="/account"' in reply.text
    assert 'href="/login"' not in reply.text
    assert re.search("[0-9a-f]{16}", reply.text)


@pytest.mark.parametrize(
    ("path", "page"), [("/logout", "/account"), ("/account/sessions/end-others", "/account/sessions")]
)
def test_a_link_cannot_do_what_a_form_does(user: FlaskClient, path: str, page: str) -> None:
    """C04, H10: GET changes nothing; it leads to the page with the form."""
    for method in ("GET", "HEAD"):
        reply = user.open(path, method=method)
        assert (reply.status_code, reply.location) == (303, page)
    assert user.put(path).status_code == 405
    assert is_signed_in(user)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_ORIGIN": "https://accounts.example.com"}, 303),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, 303),
        ({}, 303),
        ({"HTTP_ORIGIN": "https://evil.example"}, 403),
        ({"HTTP_ORIGIN": "null"}, 303),  # a browser of before Fetch Metadata, on a page that sends no Referer
        ({"HTTP_ORIGIN": "null", "HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
    ],
)
def test_a_form_that_another_site_sends_is_refused_whatever_its_token(
    make_app: Callable[..., Flask], headers: dict[str, str], status: int
) -> None:
    """C04, C05: a browser says where a form comes from; a proxy may have taken the Referer header away."""
    app = make_app(app_env="production", public_url=OWN)
    people.create_user(app)
    http = https_client(app)
    http.environ_base.update(headers)
    assert sign_in_by_form(http).status_code == status
