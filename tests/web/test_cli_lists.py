"""What the lists of the command line do alike: each is JSON if so wished, and is read a few rows at a time."""

import json

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event

from tests.support import people
from tests.support.command_line import run
from tests.support.sessions import sid
from tests.support.steps import START
from webapp import keyset, outbox
from webapp.database import db

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize("group", ["users", "sessions", "events", "mail"])
def test_every_list_is_json_if_so_wished(app: Flask, signed_in: people.SignedIn, group: str) -> None:
    with app.app_context():
        outbox.enqueue(db.session, outbox.MailKind.PASSWORD_CHANGED, user_id=1, now=START)
        db.session.commit()
    rows = json.loads(run(app, group, "list", "--json").output)
    assert len(rows) == len(run(app, group, "list").output.splitlines()) >= 1
    expected = {"users": people.EMAIL, "sessions": sid(signed_in), "events": "sign_in", "mail": "password_changed"}
    assert expected[group] in {str(value) for value in rows[0].values()}
    assert all(row.get("created_at", row.get("at")).endswith("+00:00") for row in rows)


def test_a_list_of_nothing_is_an_array_too(app: Flask) -> None:
    assert json.loads(run(app, "users", "list", "--json").output) == []


@pytest.mark.parametrize("group", ["users", "sessions"])
def test_a_long_list_is_read_a_few_rows_at_a_time(
    app: Flask, clock: time_machine.Traveller, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O04: a million at once would take longer than a statement may, and more memory than there is."""
    monkeypatch.setattr(keyset, "BATCH", 2)
    addresses = [f"{number}@test.com" for number in range(5)]
    for address in addresses:
        people.create_user(app, address)
        people.sign_in(app.test_client(), email=address)
        clock.shift(1)
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    lines = run(app, group, "list").output.splitlines()
    assert [line.split("\t")[1] for line in lines] == (addresses if group == "users" else addresses[::-1])
    in_order = [statement for statement in statements if "ORDER BY" in statement]
    assert len(in_order) >= len(addresses) / 2
    assert all("LIMIT" in statement for statement in in_order)
