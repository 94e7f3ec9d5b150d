"""What it costs to give all that is kept of an account: a batch in memory, no connection, ten times an hour at most."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import insert

from tests.support import people, steps
from tests.support.databases import pool_of
from tests.support.personal_data import data_of
from tests.support.sessions import sid
from tests.support.sudo import reauthenticate
from webapp import keyset
from webapp.database import db, table_of
from webapp.models import AuditEvent, SessionRefresh

pytestmark = pytest.mark.usefixtures("clock")


def add_failures(app: Flask, user_id: int, count: int) -> None:
    """Let somebody fail so often, a second after the other."""
    event = {"kind": "sign_in_failed", "user_id": user_id, "detail": {}}
    rows = [{**event, "at": steps.START - timedelta(seconds=number)} for number in range(count)]
    with app.app_context():
        db.session.execute(insert(table_of(AuditEvent)), rows)
        db.session.commit()


def test_it_is_read_in_batches_and_comes_whole_and_in_order(
    app: Flask, signed_in: people.SignedIn, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many events others have made."""
    monkeypatch.setattr(keyset, "BATCH", 7)
    monkeypatch.setattr(keyset, "STRETCH", 20)
    others = [people.sign_in(app.test_client()) for _ in range(9)]
    add_failures(app, user_id, 100)
    with app.app_context():
        gone = {"session_id": "gone", "at": steps.START, "method": "silent", "generation": 1}
        db.session.execute(insert(table_of(SessionRefresh)), [gone] * 20)
        first = {"kind": "sign_in", "user_id": user_id, "session_id": "gone", "detail": {}}
        db.session.execute(insert(table_of(AuditEvent)), {**first, "at": steps.START - timedelta(days=1)})
        db.session.commit()
    data = data_of(signed_in)
    assert [row["session_id"] for row in data["refreshes"]] == ["gone"] * 20
    assert {row["id"] for row in data["sessions"]} == {sid(person) for person in (signed_in, *others)}
    events = data["events"]
    assert (len(events), len({event["id"] for event in events})) == (113, 113)
    assert [event["at"] for event in events] == sorted((event["at"] for event in events), reverse=True)


def test_it_holds_no_connection_and_no_more_than_a_batch_while_it_is_taken(
    app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = app.test_client()
    steps.sign_in_by_form(http)
    monkeypatch.setattr(keyset, "BATCH", 10)
    add_failures(app, user_id, 100)
    pool = pool_of(app)
    before = pool.checkedout()
    reply = http.get("/account/data", buffered=False)
    lines = iter(reply.response)
    taken = [next(lines) for _ in range(30)]
    assert (len(taken), pool.checkedout()) == (30, before)
    with app.app_context():
        db.session.query(AuditEvent).delete()
        db.session.commit()
    rest = b"".join(taken + list(lines))
    reply.close()
    assert len(json.loads(rest)["events"]) < 40


@pytest.mark.parametrize("door", ["page", "api"])
def test_it_is_given_ten_times_an_hour(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, door: str
) -> None:
    """It is much work that one may ask for with a link. Others do not wait for it."""
    app = make_app(ratelimit_enabled=True)
    people.create_user(app)
    people.create_user(app, "other@test.com")
    http, other = app.test_client(), people.sign_in(app.test_client(), email="other@test.com")
    steps.sign_in_by_form(http)
    person = people.sign_in(app.test_client())
    ask = {
        "page": lambda: http.get("/account/data"),
        "api": lambda: person.http.get("/api/me/data", headers=person.bearer),
    }
    assert [ask["page"]().status_code for _ in range(5)] == [200] * 5
    clock.shift(60)
    assert [ask["api"]().status_code for _ in range(5)] == [200] * 5
    refused = ask[door]()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(steps.HOUR - 60))
    assert ("Back to Security" if door == "page" else "too_many_attempts") in refused.text
    assert len(data_of(other)["events"]) == 3
    clock.shift(steps.HOUR - 60)
    reauthenticate(person)
    data = data_of(person)
    assert (data["exported_at"], data["events"][0]["at"]) == ("2026-07-01T13:00:00Z",) * 2
