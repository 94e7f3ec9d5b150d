"""Signing out by the page, and how a browser is told that its session has ended."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from tests.support import people
from tests.support.steps import DAY, csrf_token, is_signed_in, refresh, sign_in_by_form, submit
from webapp.database import db
from webapp.models import AuthSession

pytestmark = pytest.mark.usefixtures("clock")


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


def test_a_form_from_before_signing_out_is_worth_nothing_afterwards(user: FlaskClient) -> None:
    """A16: whoever comes next to this browser has a session of pages of their own."""
    token = csrf_token(user.get("/account"))
    submit(user, "/logout", form="/account")
    form = {"csrf_token": token, "email": people.EMAIL, "password": people.PASSWORD}
    for _ in range(2):
        assert user.post("/login", data=form).status_code == 400
        user.get("/login")
    assert sign_in_by_form(user).status_code == 303


def test_the_cookie_of_an_ended_session_leads_to_the_sign_in_page_with_the_reason(
    app: Flask, user: FlaskClient, clock: time_machine.Traveller
) -> None:
    """V01, R02: and the cookie is taken away."""
    first = user.get_cookie("refresh_token")
    assert first
    reasons = {}
    for name in ("ended by another device", "reuse", "forgotten", "expired", "garbage"):
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
        elif name == "forgotten":
            with app.app_context():
                db.session.execute(delete(AuthSession))
                db.session.commit()
        elif name == "expired":
            clock.shift(31 * DAY)
        user.set_cookie("refresh_token", "x" if name == "garbage" else cookie.value)
        reply = user.get("/account/sessions")
        assert (name, reply.status_code, reply.headers["Location"]) == (name, 303, "/login?next=/account/sessions")
        assert user.get_cookie("refresh_token") is None
        reasons[name] = re.sub(r"\s+", " ", user.get("/login").text)
    assert "signed out from another of your devices" in reasons["ended by another device"]
    assert "used again" in reasons["reuse"]
    for name in ("forgotten", "expired", "garbage"):
        assert "Your session has ended." in reasons[name]


def test_a_page_takes_no_token_that_was_given_out_for_bodies_and_no_access_token(visitor: FlaskClient) -> None:
    """R18, T05."""
    client = people.sign_in(visitor)
    for token in (client.refresh, client.access):
        visitor.set_cookie("refresh_token", token or "")
        assert not is_signed_in(visitor)
    visitor.delete_cookie("refresh_token")
    assert visitor.get("/account", headers=client.bearer).status_code == 303
