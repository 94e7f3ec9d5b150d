"""Leaving: the account is deleted with all that is kept of it, which its owner can have first (V06, Z04)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support import forge, people
from tests.support.desk import end, the_event
from tests.support.mailbox import Mailbox
from tests.support.recovery import forgot
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.steps import events, sign_in_by_form, submit
from webapp.database import Base, db
from webapp.models import AuthSession, OneTimeToken, User

pytestmark = pytest.mark.usefixtures("clock")


def rows_of(app: Flask) -> dict[str, int]:
    with app.app_context():
        return {model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) or 0
                for model in (User, AuthSession, OneTimeToken)}  # fmt: skip


def leave(session: people.SignedIn, password: str = people.PASSWORD) -> tuple[int, str]:
    reply = session.http.delete("/api/me", json={"password": password}, headers=session.bearer)
    return reply.status_code, (reply.json or {}).get("code", "")


def test_whoever_leaves_is_gone_with_everything_but_the_log(mailbox: Mailbox) -> None:
    """V06, T20: waiting mails to them too; the address is free for a new account that old tokens do not open."""
    app = mailbox.app
    people.create_user(app)
    session = people.sign_in(app.test_client())
    forgot(app)
    mailbox.deliver()
    forgot(app)
    assert leave(session, "wrong") == (422, "invalid_fields")
    assert leave(session) == (204, "")
    assert rows_of(app) == {"users": 0, "auth_sessions": 0, "one_time_tokens": 0}
    assert session.me().status_code == 401
    assert mailbox.to(people.EMAIL) == ["Your account is deleted"]
    assert [event.kind for event in events(app, "account_deleted")] == ["account_deleted"]
    people.create_user(app)
    assert session.me().status_code == 401


def test_a_stranger_whose_address_somebody_signed_up_with_is_not_told_of_its_end(app: Flask, mailbox: Mailbox) -> None:
    """P07: or whoever signs up and leaves again and again mails them as often."""
    register(app)
    session = people.sign_in(app.test_client(), email=NEW, password=PASSPHRASE)
    assert leave(session, PASSPHRASE) == (204, "")
    assert mailbox.to(NEW) == []


def test_the_last_administrator_stays(app: Flask) -> None:
    """Z05."""
    for name in ("first", "second"):
        people.create_user(app, f"{name}@test.com", is_admin=True)
    first, second = (people.sign_in(app.test_client(), email=f"{name}@test.com") for name in ("first", "second"))
    assert leave(first) == (204, "")
    assert leave(second) == (409, "last_administrator")
    assert second.me().status_code == 200


def test_the_last_administrator_is_told_before_the_password_is_asked_for(app: Flask, desk: FlaskClient) -> None:
    """Z05: and where another one is made; once there is one, the form is there."""
    page = desk.get("/account/delete").text
    assert "You are the last administrator" in page
    assert 'href="/admin/users"' in page
    assert 'name="password"' not in page
    people.create_user(app, "second@test.com", is_admin=True)
    page = desk.get("/account/delete").text
    assert "last administrator" not in page
    assert 'name="password"' in page


def test_the_page_deletes_the_account_and_takes_the_cookie(app: Flask, user_id: int) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    assert submit(http, "/account/delete", {"password": "wrong"}).status_code == 422
    reply = submit(http, "/account/delete", {"password": people.PASSWORD})
    assert (reply.headers["Location"], http.get_cookie("refresh_token")) == ("/", None)
    assert "Your account is deleted." in http.get("/").text


def test_ones_data_is_all_there_and_holds_no_secret(app: Flask, user_id: int) -> None:
    """Z04, GDPR 15 and 20: and nobody else's rows."""
    people.create_user(app, "other@test.com", first_name="Mallory")
    people.sign_in(app.test_client(), email="other@test.com")
    session = people.sign_in(app.test_client())
    data = session.http.get("/api/me/data", headers=session.bearer).json
    assert data["profile"]["email"] == people.EMAIL
    assert [row["device"] for row in data["sessions"]] == ["Unknown browser on Unknown system"]
    assert {event["kind"] for event in data["events"]} == {"user_created", "sign_in", "data_exported"}
    with app.app_context():
        stored = db.session.get_one(User, user_id).password_hash
    for secret in (stored, "argon2", session.access, session.refresh, "Mallory", "totp_seed"):
        assert str(secret) not in str(data)


def test_ones_data_tells_where_strangers_came_from_but_not_where_administrators_sit(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """Z04: a failed sign-in warns the owner; the network address and browser of who helped are their own."""
    victim = people.sign_in(app.test_client())
    desk.environ_base |= {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "AdminsOwnFirefox/140.0"}
    assert end(desk, forge.read(victim.access)["sid"]).status_code == 303
    guess = {"email": people.EMAIL, "password": "wrong"}
    app.test_client().post("/api/login", json=guess, headers={"User-Agent": "Stranger/1.0"})
    session = people.sign_in(app.test_client())
    told = {event["kind"]: event for event in session.http.get("/api/me/data", headers=session.bearer).json["events"]}
    revoked, failed = told["session_revoked"], told["sign_in_failed"]
    assert (revoked["ip"], revoked["user_agent"], revoked["detail"]) == ("", "", {"reason": "ended_by_operator"})
    assert (failed["ip"], failed["user_agent"]) == ("127.0.0.1", "Stranger/1.0")
    assert the_event(app, "session_revoked").ip == "192.0.2.7"  # administrators see it


def test_the_page_gives_ones_data_as_a_file(app: Flask, user_id: int) -> None:
    http = app.test_client()
    sign_in_by_form(http)
    reply = http.get("/account/data")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="evergreen-2026-07-01.json"'
    assert (reply.headers["Cache-Control"], reply.json["profile"]["id"]) == ("no-store", user_id)


def test_every_table_that_names_a_user_is_emptied_or_kept_on_purpose() -> None:
    """A new table with a user_id has to say what becomes of its rows."""
    kept = {"audit_events", "outbox_mails"}
    for table in Base.metadata.sorted_tables:
        if "user_id" in table.columns and table.name not in kept:
            assert [key.ondelete for key in table.columns["user_id"].foreign_keys] == ["CASCADE"], table.name
