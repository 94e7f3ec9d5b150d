"""The account's pages as people use them without JavaScript: profile, devices, and what errors look like."""

import re
from html import escape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import current_sid, is_signed_in, submit, title
from webapp.database import db
from webapp.models import User

ATTACKS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "{{7*7}}", "</title><b>"]


pytestmark = pytest.mark.usefixtures("clock")


# --- profile ---------------------------------------------------------------------------------------------


def test_a_user_changes_their_name(app: Flask, user: FlaskClient) -> None:
    reply = submit(user, "/account", {"first_name": " Jané ", "last_name": "O'Döe", "is_admin": "y", "email": "x@y.z"})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")
    with app.app_context():
        row = db.session.scalars(select(User)).one()
        # Z02: and nothing but their name.
        assert (row.first_name, row.last_name) == ("Jané", "O'Döe")
        assert (row.is_admin, row.email) == (False, people.EMAIL)


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "a\0b", "a\u202eb"], ids=ascii)
def test_a_name_that_cannot_be_shown_is_refused(user: FlaskClient, name: str) -> None:
    """I05, I12."""
    reply = submit(user, "/account", {"first_name": name, "last_name": ""})
    assert reply.status_code == 422
    assert title(reply).startswith("Error: ")
    assert "John" in user.get("/account").text


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_a_name_or_a_browsers_name_stays_text(app: Flask, user: FlaskClient, attack: str) -> None:
    """Z10."""
    submit(user, "/account", {"first_name": attack, "last_name": attack})
    other = app.test_client()
    other.post(
        "/api/login",
        json={"email": people.EMAIL, "password": people.PASSWORD},
        headers={"User-Agent": f"{attack} Firefox/1.0"},
    )
    for path in ("/account", "/account/sessions", "/account/tokens", f"/login?next={attack}", f"/nothing/{attack}"):
        text = user.get(path).text
        assert attack == escape(attack) or attack not in text
    assert escape(attack, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in user.get("/account").text


# --- devices ---------------------------------------------------------------------------------------------


def test_a_user_ends_one_device_all_others_and_their_own(app: Flask, user: FlaskClient) -> None:
    """V08."""
    phone, tablet, laptop = (people.sign_in(app.test_client()) for _ in range(3))
    phone_sid = forge.read(phone.access)["sid"]
    reply = submit(user, f"/account/sessions/{phone_sid}/end", form="/account/sessions")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account/sessions")
    assert [client.me().status_code for client in (phone, tablet, laptop)] == [401, 200, 200]
    assert phone_sid not in user.get("/account/sessions").text
    assert submit(user, f"/account/sessions/{phone_sid}/end", form="/account/sessions").status_code == 303
    reply = submit(user, "/account/sessions/end-others", form="/account/sessions")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account/sessions")
    assert [client.me().status_code for client in (tablet, laptop)] == [401, 401]
    assert is_signed_in(user)
    reply = submit(user, f"/account/sessions/{current_sid(user)}/end", form="/account/sessions")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/login")
    assert user.get_cookie("refresh_token") is None


def test_a_user_cannot_end_somebody_elses_device(app: Flask, user: FlaskClient) -> None:
    """Z03."""
    people.create_user(app, "other@test.com")
    other = people.sign_in(app.test_client(), email="other@test.com")
    submit(user, f"/account/sessions/{forge.read(other.access)['sid']}/end", form="/account/sessions")
    assert other.me().status_code == 200


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/register", "/forgot", "/account/security", "/account/delete"])
def test_no_field_lets_the_browser_rewrite_an_address(app: Flask, user: FlaskClient, path: str) -> None:
    """I06: of straße.de Chromium makes strasse.de, somebody else's, where the type is email."""
    page = (user if path.startswith("/account") else app.test_client()).get(path)
    assert (page.status_code, 'autocomplete="username' in page.text) == (200, True)
    assert 'type="email"' not in page.text


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/account/sessions/x/end", 404), ("/password-strength", 405)]
)
def test_an_error_is_a_page_with_a_way_on_and_a_number_to_ask_for(user: FlaskClient, path: str, status: int) -> None:
    """H08: for people, not for programs."""
    reply = user.get(path)
    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    assert re.search("[0-9a-f]{16}", reply.text)
    assert 'href="/"' in reply.text
    assert 'href="/account"' in reply.text


@pytest.mark.parametrize(
    ("form", "held_by", "label", "current"),
    [
        ("/account/security/password", "/account/security", "Security", "true"),
        ("/account", "/account", "Account", "page"),
    ],
)
def test_a_form_that_comes_back_stands_where_it_was_in_the_menu(
    user: FlaskClient, form: str, held_by: str, label: str, current: str
) -> None:
    reply = submit(user, form, {"first_name": "x" * 101}, form=held_by)
    assert reply.status_code == 422
    marked = re.findall(r'aria-current="(\w+)">([^<]*)</a>', reply.text)
    assert marked == [(current, label)]
