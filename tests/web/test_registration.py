"""Signing up, by JSON and by page: who has an account is told to nobody, and what may be sent."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Executable, delete, event, update
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.meanwhile import do_before
from tests.support.people import users
from tests.support.registration import BODY, NEW, PASSPHRASE, register
from tests.support.steps import START, alert, events, login, sign_in_by_form, submit
from webapp import passwords, registration
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock")


# --- who has an account is told to nobody ----------------------------------------------------------------


def test_a_sign_up_makes_an_account_that_can_be_used_at_once(app: Flask) -> None:
    assert register(app).status_code == 202
    (user,) = users(app)
    assert (user.email, user.first_name, user.last_name) == (NEW, "Zoë", "Quill")
    assert (user.email_verified, user.is_admin, user.is_active, user.created_at) == (False, False, True, START)
    signed_in = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    assert signed_in.me().json["email_verified"] is False


def test_new_known_unconfirmed_and_deactivated_addresses_get_the_same_answer_and_different_mail(
    app: Flask, mailbox: Mailbox
) -> None:
    """A03."""
    people.create_user(app)
    people.create_user(app, "young@test.com", is_verified=False)
    gone = people.create_user(app, "gone@test.com")
    with app.app_context():
        db.session.get_one(User, gone).is_active = False
        db.session.commit()
    addresses = (NEW, people.EMAIL, people.EMAIL.upper(), "young@test.com", "gone@test.com")
    replies = [register(app, email=address) for address in addresses]
    answers = [(reply.status_code, reply.data, sorted(reply.headers)) for reply in replies]
    assert answers == [answers[0]] * len(addresses)
    assert sorted((mail["To"], mail["Subject"]) for mail in mailbox.deliver()) == [
        ("test@test.com", "You have an account already"),
        ("test@test.com", "You have an account already"),
        ("young@test.com", "Confirm your address"),
        (NEW, "Confirm your address"),
    ]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("change", [delete(User), update(User).values(email_key="moved@example.com")])
def test_an_address_whose_account_leaves_or_moves_meanwhile_is_free(
    app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch, change: Executable
) -> None:
    """A03: on SQLite, who signs up has the database to themselves."""

    def commit() -> None:
        with app.app_context():
            db.session.execute(change)
            db.session.commit()

    do_before(monkeypatch, registration, "_find", commit)
    assert register(app, email=people.EMAIL).status_code == 202
    (made,) = events(app, "registered")
    assert made.user_id == users(app)[-1].id != user_id


def test_a_known_address_keeps_its_password_and_names(app: Flask, user_id: int) -> None:
    """A03."""
    register(app, email=people.EMAIL)
    (user,) = users(app)
    assert (user.id, user.first_name) == (user_id, "John")
    people.sign_in(app.test_client())


@pytest.mark.parametrize("route", ["/api/register", "/api/password/forgot"])
def test_a_known_and_an_unknown_address_cost_the_same_statements_and_hashes(
    app: Flask, user_id: int, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A02, A03: counted, not timed."""
    hashed: list[str] = []
    real = passwords.hash_password
    monkeypatch.setattr(passwords, "hash_password", lambda password: hashed.append(password) or real(password))
    work = []
    for address in (people.EMAIL, NEW, "other@test.com"):
        statements: list[str] = []

        def note(_: Any, __: Any, statement: str, *___: Any, statements: list[str] = statements) -> None:
            statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        body = BODY | {"email": address} if "register" in route else {"email": address}
        assert app.test_client().post(route, json=body).status_code == 202
        event.remove(Engine, "before_cursor_execute", note)
        work.append((statements, len(hashed)))
        hashed.clear()
    assert work[0] == work[1] == work[2]


# --- what may be sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["role", "is_admin", "is_active", "email_verified", "id", "password_hash", "totp_seed", "created_at"]
)
def test_no_other_field_can_be_set(app: Flask, user_id: int, field: str) -> None:
    """Z02: refused by name, on the way in and afterwards."""
    signed_in = people.sign_in(app.test_client())
    for method, route, body in (("POST", "/api/register", BODY), ("PATCH", "/api/me", {"first_name": "x"})):
        reply = signed_in.http.open(route, method=method, json={**body, field: True}, headers=signed_in.bearer)
        assert (reply.status_code, list(reply.json["errors"])) == (422, [field])
    assert [user.first_name for user in users(app)] == ["John"]


def test_fields_that_a_form_does_not_have_are_dropped(app: Flask) -> None:
    """Z02."""
    form = {**BODY, "is_admin": "y", "email_verified": "y", "id": "7"}
    assert submit(app.test_client(), "/register", form).status_code == 303
    (user,) = users(app)
    assert (user.is_admin, user.email_verified, user.id) == (False, False, 1)


@pytest.mark.parametrize(
    "email", ["", "x", "a@b\r\nBcc: c@d.example", "a@b.example, c@d.example", "a b@c.example", "a@" + "b" * 300, "@"]
)
def test_what_is_no_address_is_refused(app: Flask, email: str) -> None:
    """I05, I07."""
    reply = register(app, email=email)
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["email"])
    assert users(app) == []


def test_variants_of_an_address_are_one_account(app: Flask) -> None:
    """I06: case, spaces around, the domain's case, composed and decomposed letters, and xn--, which browsers send."""
    variants = ("zoe@xn--bcher-kva.de", "zoe@b\u00fccher.de", " Zoe@BU\u0308CHER.de ", "ZOE@b\u00fccher.de")
    for email in variants:
        assert register(app, email=email).status_code == 202
    assert [user.email for user in users(app)] == ["zoe@b\u00fccher.de"]
    for email in variants:
        people.sign_in(app.test_client(), email=email, password=PASSPHRASE)


@pytest.mark.parametrize(
    ("mine", "strangers"), [("smith@example.com", "\u017fmith@example.com"), ("a@strasse.de", "a@stra\u00dfe.de")]
)
def test_nobody_is_barred_by_whose_address_looks_alike(app: Flask, mine: str, strangers: str) -> None:
    """I06: nor does the stranger get in."""
    register(app, email=strangers)
    assert register(app, email=mine, password="quite another phrase").status_code == 202
    assert login(app, PASSPHRASE, mine) == 401
    assert login(app, "quite another phrase", mine) == 200


@pytest.mark.parametrize(
    "send", [register, lambda app, email: submit(app.test_client(), "/register", BODY | {"email": email})]
)
def test_an_address_that_mail_cannot_reach_is_refused_and_said_to_be_one(
    app: Flask, send: Callable[..., TestResponse]
) -> None:
    reply = send(app, email="jos\u00e9@example.com")
    assert (reply.status_code, users(app)) == (422, [])
    assert "before the @-sign are not supported" in reply.text


def test_names_are_text_in_mails_and_pages_whatever_they_hold(app: Flask, mailbox: Mailbox) -> None:
    """I07: neither templates nor markup nor headers."""
    people.create_user(app, NEW, first_name="{{7*7}}<b>x</b>")
    register(app)
    (mail,) = mailbox.deliver()
    assert mail["Subject"] == "You have an account already"
    assert "{{7*7}}<b>x</b>" in text(mail)
    assert "&lt;b&gt;x&lt;/b&gt;" in text(mail, "html")
    assert "<b>x" not in text(mail, "html")
    assert register(app, first_name="x\r\nBcc: y@z.example").status_code == 422


def test_the_page_shows_what_is_wrong_keeps_what_was_typed_and_drops_the_password(app: Flask) -> None:
    page = submit(app.test_client(), "/register", {**BODY, "password": "qwertyuiop"})
    assert (page.status_code, "common password" in alert(page)) == (422, True)
    assert f'value="{NEW}"' in page.text
    assert 'value="qwertyuiop"' not in page.text
    assert users(app) == []


def test_who_is_signed_in_is_led_to_the_account(app: Flask, user_id: int) -> None:
    http: FlaskClient = app.test_client()
    sign_in_by_form(http)
    assert http.get("/register").headers["Location"] == "/account"
