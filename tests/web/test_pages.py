"""The pages as people use them without JavaScript: sign in and out, profile, devices, and what errors look like."""

import re
from html import escape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import (
    DAY,
    alert,
    attribute,
    current_sid,
    field,
    is_signed_in,
    refresh,
    sign_in_by_form,
    submit,
    title,
)
from webapp.database import db
from webapp.models import AuthSession, User

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ATTACKS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "{{7*7}}", "</title><b>"]


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def visitor(http: FlaskClient, user_id: int) -> FlaskClient:
    """A browser in which nobody is signed in yet; John Doe has an account."""
    return http


@pytest.fixture
def user(visitor: FlaskClient) -> FlaskClient:
    """The browser in which John Doe is signed in."""
    assert sign_in_by_form(visitor).status_code == 303
    return visitor


# --- signing in ------------------------------------------------------------------------------------------


def test_a_user_signs_in_by_the_form_and_is_led_to_the_account(visitor: FlaskClient) -> None:
    """C10."""
    reply = sign_in_by_form(visitor)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")
    assert people.EMAIL in visitor.get("/account").text


def test_who_wanted_to_see_a_page_is_led_back_to_it(visitor: FlaskClient) -> None:
    """C09: the way there goes through the form's hidden field."""
    reply = visitor.get("/account/sessions?x=1&y=2")
    assert reply.status_code == 303
    form = visitor.get(reply.headers["Location"])
    target = attribute(field(form, "next"), "value")
    assert target == "/account/sessions?x=1&y=2"
    reply = sign_in_by_form(visitor, next=target)
    assert (reply.status_code, reply.headers["Location"]) == (303, target)


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)",
     "/\r\nSet-Cookie: a=b", "https:evil.example", "//evil.example\\@own", "/x\nLocation: https://evil.example"],
    ids=ascii,
)  # fmt: skip
def test_a_sign_in_never_leads_to_another_origin(visitor: FlaskClient, target: str) -> None:
    """C09: by the form, and for who is signed in already; never a 5xx."""
    assert sign_in_by_form(visitor, next=target).headers["Location"] == "/account"
    reply = visitor.get("/login", query_string={"next": target})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")


def test_who_is_signed_in_already_is_led_on(user: FlaskClient) -> None:
    assert user.get("/login").headers["Location"] == "/account"
    assert user.get("/login?next=/account/sessions").headers["Location"] == "/account/sessions"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "wrong"}, "Email or password is incorrect."),
        ({"email": "nobody@test.com"}, "Email or password is incorrect."),
        ({"email": ""}, "Enter your email address."),
        ({"password": ""}, "Enter your password."),
        ({"email": "x" * 255}, "at most 254 characters"),
        ({"password": "x" * 1025}, "at most 1024 characters"),
        ({"email": "a\0b@test.com"}, "cannot be seen"),
        ({"password": "a\0b"}, "cannot be typed"),
    ],
)
def test_a_sign_in_that_failed_says_why_keeps_the_address_and_drops_the_password(
    visitor: FlaskClient, fields: dict[str, str], words: str
) -> None:
    """A06, A01."""
    reply = sign_in_by_form(visitor, **fields)
    assert reply.status_code == 422
    assert title(reply).startswith("Error: ")
    assert words in alert(reply)
    assert attribute(field(reply, "password"), "value") == ""
    if "\0" not in fields.get("email", ""):
        assert attribute(field(reply, "email"), "value") == fields.get("email", people.EMAIL)
    assert not is_signed_in(visitor)


def test_a_page_without_errors_does_not_say_error(visitor: FlaskClient) -> None:
    page = visitor.get("/login")
    assert not title(page).startswith("Error")
    assert alert(page) == ""


def test_a_failed_sign_in_still_knows_where_to_go(visitor: FlaskClient) -> None:
    page = sign_in_by_form(visitor, password="wrong", next="/account/tokens")
    assert attribute(field(page, "next"), "value") == "/account/tokens"


# --- signing out -----------------------------------------------------------------------------------------


def test_signing_out_ends_the_session_and_leads_to_the_sign_in_page(app: Flask, user: FlaskClient) -> None:
    """V01, V09."""
    cookie = user.get_cookie("refresh_token")
    reply = submit(user, "/logout", form="/account")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/login")
    assert user.get_cookie("refresh_token") is None
    assert "signed out" in user.get("/login").text
    assert cookie
    user.set_cookie("refresh_token", cookie.value)
    assert not is_signed_in(user)
    with app.app_context():
        assert db.session.scalars(select(AuthSession.revoked_reason)).all() == ["signed_out"]


def test_the_cookie_of_an_ended_session_leads_to_the_sign_in_page_with_the_reason(
    app: Flask, user: FlaskClient, clock: time_machine.Traveller
) -> None:
    """V01, R02: and the cookie is taken away."""
    first = user.get_cookie("refresh_token")
    assert first
    reasons = {}
    for name in ("ended by another device", "reuse", "expired", "garbage"):
        sign_in_by_form(user) if name != "ended by another device" else None
        cookie = user.get_cookie("refresh_token")
        assert cookie
        if name == "ended by another device":
            other = people.sign_in(app.test_client())
            other.http.delete("/api/sessions", headers=other.bearer)
        elif name == "reuse":
            second = refresh(user, cookie.value, "cookie")
            refresh(user, second.headers["Set-Cookie"].partition(";")[0].partition("=")[2], "cookie")
            clock.shift(60)
            refresh(user, cookie.value, "cookie")
        elif name == "expired":
            clock.shift(31 * DAY)
        user.set_cookie("refresh_token", "x" if name == "garbage" else cookie.value)
        reply = user.get("/account/sessions")
        assert (name, reply.status_code, reply.headers["Location"]) == (name, 303, "/login?next=/account/sessions")
        assert user.get_cookie("refresh_token") is None
        reasons[name] = re.sub(r"\s+", " ", user.get("/login").text)
    assert "signed out from another of your devices" in reasons["ended by another device"]
    assert "used again" in reasons["reuse"]
    assert "Your session has ended." in reasons["expired"]
    assert "Your session has ended." in reasons["garbage"]


def test_a_page_takes_no_token_that_was_given_out_for_bodies_and_no_access_token(visitor: FlaskClient) -> None:
    """R18, T05."""
    client = people.sign_in(visitor)
    for token in (client.refresh, client.access):
        visitor.set_cookie("refresh_token", token or "")
        assert not is_signed_in(visitor)
    visitor.delete_cookie("refresh_token")
    assert visitor.get("/account", headers=client.bearer).status_code == 303


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


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/account/sessions/x/end", 404), ("/logout", 405)])
def test_an_error_is_a_page_with_a_way_on_and_a_number_to_ask_for(user: FlaskClient, path: str, status: int) -> None:
    """H08: for people, not for programs."""
    reply = user.get(path)
    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    assert re.search("[0-9a-f]{16}", reply.text)
    assert 'href="/"' in reply.text
    assert 'href="/account"' in reply.text
