"""What its owner can have of an account: all that is kept, and neither a secret nor what is others' (Z04)."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.support import people, steps
from tests.support.desk import ADMIN, end, perform
from tests.support.mailbox import Mailbox
from tests.support.personal_data import data_of
from tests.support.recovery import OTHER
from tests.support.second_factor import Phone
from tests.support.sessions import sid
from tests.support.sudo import reauthenticate
from webapp.clock import utc_now
from webapp.database import Base, db
from webapp.models import SessionRefresh
from webapp.revocation import purge

pytestmark = pytest.mark.usefixtures("clock")

# Where the rows of a table are in what is exported.
PLACES: Final = {
    "users": "profile",
    "auth_sessions": "sessions",
    "session_refreshes": "refreshes",
    "passkeys": "passkeys",
    "recovery_codes": "recovery_codes",
    "one_time_tokens": "one_time_tokens",
    "outbox_mails": "mails",
    "audit_events": "events",
}
RENAMED: Final = {"users.totp_enabled_at": "second_factor_since", "audit_events.actor_id": "by"}
WHOSE: Final = "whose it is, and that is the user"
SECRET: Final = "a secret, or the hash of one"
LEFT_OUT: Final = {
    "users.email_key": "the address once more, in small letters",
    "users.password_hash": SECRET,
    "users.totp_seed": SECRET,
    "users.totp_last_step": "which code was the last: part of the check of the next one",
    "auth_sessions.user_id": WHOSE,
    "auth_sessions.confirmed_on": "the name of a host of ours",
    "session_refreshes.id": "names nothing else",
    "passkeys.user_id": WHOSE,
    "passkeys.public_key": "what a secret is checked with",
    "recovery_codes.id": "names nothing else",
    "recovery_codes.user_id": WHOSE,
    "recovery_codes.code_hash": SECRET,
    "one_time_tokens.id": "names nothing else",
    "one_time_tokens.digest": SECRET,
    "one_time_tokens.user_id": WHOSE,
    "outbox_mails.id": "names nothing else",
    "outbox_mails.user_id": WHOSE,
    "audit_events.account_key": SECRET,
}
OF_NOBODY: Final = {"products"}


def test_every_column_of_a_person_is_exported_or_left_out_for_a_reason(
    app: Flask,
    signed_in: people.SignedIn,
    phone: Phone,
    add_passkey: Callable[..., Any],
    mailbox: Mailbox,
) -> None:
    """Z04: whoever adds a column or a table says here what becomes of it."""
    assert reauthenticate(signed_in).status_code == 204
    assert add_passkey().status_code == 201
    mailbox.deliver()
    steps.refresh(signed_in.http, signed_in.refresh or "")
    body = {"email": OTHER, "password": people.PASSWORD}
    assert signed_in.http.post("/api/me/email", json=body, headers=signed_in.bearer).status_code == 202
    data = data_of(signed_in)
    tables = {table.name: table for table in Base.metadata.sorted_tables if table.name not in OF_NOBODY}
    assert set(tables) == set(PLACES)
    assert set(data) == {*PLACES.values(), "exported_at"}
    for name, table in tables.items():
        found = data[PLACES[name]]
        rows = [found] if name == "users" else found
        assert rows, name
        columns = {f"{name}.{column.name}" for column in table.columns}
        told = {RENAMED.get(column, column.partition(".")[2]) for column in columns - set(LEFT_OUT)}
        assert [told - set(row) for row in rows] == [set()] * len(rows), name
    with app.app_context():
        for column in (column for column, why in LEFT_OUT.items() if why == SECRET):
            table, _, attribute = column.partition(".")
            kept = [str(value) for value in db.session.scalars(select(tables[table].c[attribute])) if value]
            assert kept, column
            assert not any(value in json.dumps(data) for value in kept), column


@pytest.mark.parametrize("is_delivered", [False, True])
def test_a_change_of_address_that_waits_is_told_and_nothing_of_who_has_the_address(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, is_delivered: bool
) -> None:
    """S02: it would tell whether there is an account."""
    people.create_user(app, email="taken@test.com", is_verified=True)
    found = []
    for address in (OTHER, "taken@test.com"):
        body = {"email": address, "password": people.PASSWORD}
        assert signed_in.http.post("/api/me/email", json=body, headers=signed_in.bearer).status_code == 202
        if is_delivered:
            mailbox.deliver()
        data = data_of(signed_in)
        asked = [row for row in data["one_time_tokens"] if row["used_at"] is None]
        found.append([[(row["purpose"], row["email"]) for row in asked], [row["kind"] for row in data["mails"]]])
    (free, mails), (taken, mails_of_taken) = found
    assert free == [("change_asked", OTHER)]
    assert taken == [("change_asked", "taken@test.com")]
    assert set(mails) == set(mails_of_taken)


def test_what_an_administrator_did_to_others_is_told_without_what_is_theirs(
    app: Flask, user_id: int, desk: Any
) -> None:
    """Z04: where from, by which browser, and to whom by number; a download, and a form that was refused, are to
    nobody."""
    desk.environ_base |= {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "Own/1.0"}
    victim = people.sign_in(app.test_client())
    assert end(desk, sid(victim)).status_code == 303
    assert desk.get("/admin/users.csv").status_code == 200
    events = desk.get("/account/data").json["events"]
    (ended,) = (event for event in events if event["kind"] == "session_revoked")
    expected = {"user_id": user_id, "by": "you", "ip": "192.0.2.7", "user_agent": "Own/1.0"}
    assert {name: ended[name] for name in expected} == expected
    assert (ended["session_id"], ended["detail"]) == (None, {})
    (downloaded,) = (event for event in events if event["kind"] == "exported")
    assert (downloaded["user_id"], downloaded["detail"]) == (None, {"what": "users", "filters": {}})


def test_who_did_what_is_told_and_each_event_once(app: Flask, user_id: int, desk: Any) -> None:
    people.create_user(app, "second@test.com", is_admin=True)
    assert perform(desk, user_id, "end-sessions").status_code == 303
    app.test_client().post("/api/login", json={"email": people.EMAIL, "password": "wrong"})
    session = people.sign_in(app.test_client())
    assert perform(desk, user_id, "promote").status_code == 303
    events = data_of(session)["events"]
    told = {event["kind"]: event["by"] for event in events}
    assert told == {
        "data_exported": "you",
        "user_promoted": "somebody_else",
        "sign_in": "you",
        "sign_in_failed": None,
        "user_created": None,
    }
    assert len(events) == len(told)
    assert ADMIN not in json.dumps(events)


def test_refreshes_are_told_though_their_session_is_purged(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    first = people.sign_in(app.test_client())
    steps.refresh(first.http, first.refresh or "")
    clock.shift(31 * steps.DAY)
    with app.app_context():
        assert purge(db.session, now=utc_now()) == 1
    second = people.sign_in(app.test_client())
    people.create_user(app, "other@test.com")
    stranger = people.sign_in(app.test_client(), email="other@test.com")
    for person in (second, stranger):
        steps.refresh(person.http, person.refresh or "")
    data = data_of(second)
    assert [row["session_id"] for row in data["refreshes"]] == [sid(second), sid(first)]
    assert [row["id"] for row in data["sessions"]] == [sid(second)]
    with app.app_context():
        assert db.session.query(SessionRefresh).count() == 3
