"""Signing up and confirming the address, by JSON and by page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox, text
from tests.support.steps import HOUR, START, alert, csrf_token, events, is_signed_in, sign_in_by_form, submit
from webapp import passwords
from webapp.database import Base, db
from webapp.models import OneTimeToken, User

NEW = "zoe@example.com"
PASSPHRASE = "four trees in a row"
BODY = {"email": NEW, "password": PASSPHRASE, "first_name": "Zoë", "last_name": "Quill"}


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def mailbox(app: Flask, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


def register(app: Flask, **fields: Any) -> TestResponse:
    return app.test_client().post("/api/register", json={**BODY, **fields})


def users(app: Flask) -> list[User]:
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


def verify(app: Flask, token: str) -> tuple[int, str]:
    reply = app.test_client().post("/api/email/verify", json={"token": token})
    return reply.status_code, (reply.json or {}).get("code", "")


# --- who has an account is told to nobody ------------------------------------------------------------------


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


# --- confirming ------------------------------------------------------------------------------------------


def test_the_link_of_the_mail_confirms_the_address_once(app: Flask, mailbox: Mailbox) -> None:
    """P09."""
    register(app)
    token = mailbox.token("verify", NEW)
    assert verify(app, token) == (204, "")
    assert users(app)[0].email_verified
    assert verify(app, token) == (400, "invalid_link")
    (event_,) = events(app, "email_verified")
    assert event_.user_id == users(app)[0].id


def test_opening_the_link_changes_nothing_and_its_button_confirms(app: Flask, mailbox: Mailbox) -> None:
    """P05: mail scanners open links; and the token is in no log, no referrer and no next address."""
    register(app)
    path = f"/verify/{mailbox.token('verify')}"
    http = app.test_client()
    for _ in range(5):
        page = http.get(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert http.head(path).status_code == 200
    assert not users(app)[0].email_verified
    reply = http.post(path, data={"csrf_token": csrf_token(page), "password": PASSPHRASE})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/account")
    assert users(app)[0].email_verified
    assert is_signed_in(http)
    assert http.get(path).status_code == 400


def test_the_button_alone_confirms_for_who_is_signed_in(app: Flask, mailbox: Mailbox) -> None:
    register(app)
    path, http = f"/verify/{mailbox.token('verify')}", app.test_client()
    sign_in_by_form(http, email=NEW, password=PASSPHRASE)
    page = http.get(path)
    assert "password" not in page.text.lower().partition("<main")[2]
    assert http.post(path, data={"csrf_token": csrf_token(page)}).headers["Location"] == "/account"
    assert users(app)[0].email_verified


@pytest.mark.parametrize("as_another", [False, True])
@pytest.mark.parametrize("typed", ["", "the password that the owner has chosen"])
def test_a_click_of_the_owner_does_not_confirm_what_somebody_else_has_signed_up(
    app: Flask, mailbox: Mailbox, typed: str, as_another: bool
) -> None:
    """P09: of whoever signed up before the owner neither password nor session gets a confirmed account."""
    register(app)
    early = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    mailbox.deliver()
    register(app, password="the password that the owner has chosen")
    token = mailbox.token("verify", NEW)
    owner = app.test_client()
    if as_another:
        people.create_user(app)
        sign_in_by_form(owner)
    assert submit(owner, f"/verify/{token}", {"password": typed}).status_code == 422
    assert early.me().json["email_verified"] is False
    owner.post("/api/password/forgot", json={"email": NEW})
    body = {"token": mailbox.token("reset", NEW), "password": "seven quiet hedges"}
    assert owner.post("/api/password/reset", json=body).status_code == 204
    assert (early.me().status_code, users(app)[0].email_verified) == (401, True)


def test_wrong_passwords_at_a_link_count_as_failed_sign_ins(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """A11."""
    app = make_app(ratelimit_enabled=True, mail_url=f"file://{tmp_path}/mail")
    register(app)
    link = f"/verify/{Mailbox(app, tmp_path / 'mail').token('verify', NEW)}"
    http = app.test_client()
    assert [submit(http, link, {"password": "wrong"}).status_code for _ in range(11)] == [422] * 10 + [429]
    assert not users(app)[0].email_verified


def test_no_log_line_holds_a_links_token(app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    """P05, O05."""
    register(app)
    token = mailbox.token("verify")
    caplog.clear()
    for path in ("/verify/", "/reset/", "/not-me/", "/undo/"):
        app.test_client().get(path + token)
    assert len([line for line in caplog.messages if "…" in line or "\\u2026" in line]) == 4
    assert token not in caplog.text


@pytest.mark.parametrize(("age", "expected"), [(HOUR - 1, 204), (HOUR, 400)])
def test_a_link_works_for_an_hour(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller, age: int, expected: int
) -> None:
    """P01: from when it was sent."""
    register(app)
    token = mailbox.token("verify")
    clock.shift(age)
    assert verify(app, token)[0] == expected


def test_no_column_of_any_table_holds_a_links_token(app: Flask, mailbox: Mailbox) -> None:
    """P01, R15: before it is sent there is none."""
    register(app)

    def dump() -> str:
        with app.app_context():
            return str([row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))])

    with app.app_context():
        assert db.session.scalars(select(OneTimeToken)).all() == []
    token = mailbox.token("verify")
    assert len(token) * 6 >= 256
    assert token not in dump()
    assert token[:20] not in dump()


def test_a_link_sent_again_takes_the_place_of_the_one_before(app: Flask, mailbox: Mailbox) -> None:
    """P02."""
    register(app)
    first = mailbox.token("verify")
    signed_in = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    assert signed_in.http.post("/api/email/resend", headers=signed_in.bearer).status_code == 202
    second = mailbox.token("verify")
    assert verify(app, first) == (400, "invalid_link")
    assert verify(app, second) == (204, "")
    assert signed_in.http.post("/api/email/resend", headers=signed_in.bearer).status_code == 202
    assert mailbox.deliver() == []


def test_an_address_is_sent_five_such_mails_a_day_and_the_answer_never_tells(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07."""
    for number in range(7):
        assert register(app).status_code == 202
        assert len(mailbox.deliver()) == (1 if number < 5 else 0)
    assert register(app, email="other@example.com").status_code == 202
    assert len(mailbox.deliver()) == 1
    clock.shift(24 * HOUR)
    register(app)
    assert len(mailbox.deliver()) == 1


def test_who_is_not_confirmed_adds_no_second_factor_and_no_passkey(app: Flask) -> None:
    """P09: whoever signed up with somebody else's address must not keep a way in."""
    register(app)
    signed_in = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    for route in ("/api/me/totp", "/api/passkeys/options"):
        reply = signed_in.http.post(route, headers=signed_in.bearer)
        assert (reply.status_code, reply.json["code"]) == (403, "email_not_verified")


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
    """I06: case, spaces around, the domain's case, composed and decomposed letters."""
    for email in ("jos\u00e9@example.com", " Jose\u0301@EXAMPLE.com ", "JOS\u00c9@example.com"):
        assert register(app, email=email).status_code == 202
    assert [user.email for user in users(app)] == ["jos\u00e9@example.com"]


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
