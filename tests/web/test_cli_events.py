"""`flask events`: which events are listed, and which are purged."""

import json

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.support import people
from tests.support.command_line import refused, run
from tests.support.steps import DAY, START, events
from webapp import database
from webapp.database import db
from webapp.models import AuditEvent

pytestmark = pytest.mark.usefixtures("clock")


def test_events_are_listed_the_latest_first_by_user_kind_address_and_day(
    app: Flask, user_id: int, clock: time_machine.Traveller
) -> None:
    people.create_user(app, "other@test.com")
    clock.shift(DAY)
    people.sign_in(app.test_client())
    latest = f"2026-07-02 12:00 UTC\tsign_in\t{people.EMAIL}\tby {people.EMAIL}\t127.0.0.1\n"
    created = [f"2026-07-01 12:00 UTC\tuser_created\t{email}\tby -\t-\n" for email in (people.EMAIL, "other@test.com")]
    assert run(app, "events", "list").output == latest + created[1] + created[0]
    assert run(app, "events", "list", "--limit", "1").output == latest
    assert run(app, "events", "list", "--kind", "sign_in").output == latest
    assert run(app, "events", "list", "--since", "2026-07-02").output == latest
    assert run(app, "events", "list", "--ip", "127.0.0.1").output == latest
    assert run(app, "events", "list", "--user", people.EMAIL).output == latest + created[0]
    assert refused(app, "events", "list", "--kind", "nonsense")
    for nobody in ("nobody@test.com", "", "x" * 100_000):
        assert "no user with the address" in refused(app, "events", "list", "--user", nobody)


def test_what_was_refused_is_not_listed_as_if_it_had_happened(app: Flask) -> None:
    people.create_user(app, is_admin=True)
    refused(app, "users", "demote", people.EMAIL)
    [line] = run(app, "events", "list", "--kind", "user_demoted").output.splitlines()
    assert "\tuser_demoted (refused)\t" in line


def test_what_a_browser_calls_itself_is_printed_as_it_stands(app: Flask, user_id: int) -> None:
    """Whatever somebody takes for the end of a line."""
    name = "one\x85two\x0cthree"
    body = {"email": people.EMAIL, "password": people.PASSWORD}
    assert app.test_client().post("/api/login", json=body, headers={"User-Agent": name}).status_code == 200
    shown = json.loads(run(app, "events", "list", "--kind", "sign_in", "--json").output)
    with app.app_context():
        written = db.session.scalars(select(AuditEvent.user_agent).where(AuditEvent.kind == "sign_in")).all()
    assert [event["user_agent"] for event in shown] == written == [name]


def test_old_events_are_purged_and_that_is_an_event(app: Flask, user_id: int, clock: time_machine.Traveller) -> None:
    """Z09: what the log has lost, it says."""
    clock.shift(400 * DAY)
    people.sign_in(app.test_client())
    assert run(app, "events", "purge").output == "Deleted 1 events.\n"
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [row.kind for row in rows] == ["sign_in", "events_purged"]
    assert rows[1].detail == {"before": "2026-08-05T12:00:00+00:00", "count": 1}
    assert run(app, "events", "purge", "--older-than", "1").output == "Deleted 0 events.\n"
    assert len(events(app, "events_purged")) == 1, "and none that says nothing"
    assert run(app, "events", "purge", "--older-than", "36500").output == "Deleted 0 events.\n"


def test_a_purge_that_is_broken_off_has_said_what_is_gone(
    app: Flask, user_id: int, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z09: the first batches are committed by then."""
    add_events(app, 500)
    clock.shift(400 * DAY)
    rests = iter([None])  # between the first two
    monkeypatch.setattr(database.time, "sleep", lambda _: next(rests))
    assert run(app, "events", "purge").exit_code != 0
    [written] = events(app, "events_purged")
    assert (written.detail["count"], len(events(app, "sign_in")) + len(events(app, "user_created"))) == (500, 1)
    monkeypatch.undo()
    assert run(app, "events", "purge").output == "Deleted 1 events.\n"
    assert [event.detail["count"] for event in events(app, "events_purged")] == [500, 1]


def add_events(app: Flask, count: int) -> None:
    with app.app_context():
        db.session.add_all(AuditEvent(at=START, kind="sign_in") for _ in range(count))
        db.session.commit()


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1000000", "9" * 20])
def test_days_that_no_calendar_has_are_refused_in_one_line(app: Flask, days: str) -> None:
    assert "1<=x<=36500" in refused(app, "events", "purge", "--older-than", days)
