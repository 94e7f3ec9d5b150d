"""What an operator sees and does about mail: `mail list`, `mail send`, `mail retry`, what the doctor says of it, and
the inbox of development."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from tests.support import people
from tests.support.command_line import PRODUCTION, refused, run
from tests.support.mailbox import Mailbox
from tests.support.registration import register
from tests.support.steps import HOUR, START, events
from webapp import outbox
from webapp.database import db
from webapp.models import OutboxMail
from webapp.outbox import LONGEST_PAUSE, MOST_ATTEMPTS, MailKind

CLOSED_PORT = "smtp://127.0.0.1:1"
USER_AGENT = "flask command line"


pytestmark = pytest.mark.usefixtures("clock")


def enqueue(app: Flask, count: int = 1) -> None:
    user_id = people.create_user(app)
    with app.app_context():
        for _ in range(count):
            outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=user_id, now=START)
        db.session.commit()


def test_mail_that_waits_is_listed_and_sent(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(mail_url=f"file://{tmp_path}/mail")
    assert run(app, "mail", "list").output == ""
    enqueue(app, 2)
    lines = run(app, "mail", "list").output.splitlines()
    assert [line.split("\t")[1:] for line in lines] == [["password_changed", "2026-07-01 12:00 UTC", "attempt 1"]] * 2
    assert run(app, "mail", "send").output == "Sent 2 mails.\n"
    assert (run(app, "mail", "list").output, len(list((tmp_path / "mail").glob("*.eml")))) == ("", 2)


def test_mail_that_failed_is_listed_with_the_reason_and_due_again_on_demand(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    app = make_app(mail_url=CLOSED_PORT)
    enqueue(app)
    assert run(app, "mail", "send").output == "Sent 0 mails.\n"
    assert "attempt 2\tConnectionRefusedError" in run(app, "mail", "list").output
    assert "warn mail: 1 could not be sent" in run(app, "doctor").output
    assert run(app, "mail", "retry").output == "1 mails are due now.\n"
    run(app, "mail", "send")
    assert "attempt 2" in run(app, "mail", "list").output, "counted anew: it has its three days again"
    with app.app_context():
        db.session.execute(update(OutboxMail).values(attempts=MOST_ATTEMPTS - 1))
        db.session.commit()
    clock.shift(LONGEST_PAUSE)
    run(app, "mail", "send")
    assert "given up" in run(app, "mail", "list").output
    run(app, "mail", "send")
    assert "given up" in run(app, "mail", "list").output


def test_what_was_given_up_and_is_too_old_is_told_of_and_thrown_away(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    """Z09: nobody gets it, and that is written down."""
    app = make_app(mail_url=CLOSED_PORT)
    enqueue(app, 2)
    with app.app_context():
        outbox.enqueue(db.session, MailKind.RESET_PASSWORD, user_id=None, now=START)
        db.session.execute(update(OutboxMail).where(OutboxMail.id != 1).values(failed_at=START))
        db.session.commit()
    clock.shift(HOUR)
    told = (
        "1 mails are due now.\n1 are older than their links live, and stay given up: `flask --app wsgi mail discard`.\n"
    )
    assert run(app, "mail", "retry").output == told
    assert run(app, "mail", "discard").output == "Discarded 1 mail.\n"
    assert run(app, "mail", "retry").output == "0 mails are due now.\n"
    assert run(app, "mail", "discard").output == "Discarded 0 mails.\n", "what waits is not thrown away unasked"
    assert run(app, "mail", "discard", "1").output == "Discarded 1 mail.\n"
    assert "There is no mail with this id." in refused(app, "mail", "discard", "1")
    for number in ("0", "x", "9" * 20):
        assert refused(app, "mail", "discard", number)
    assert [line.split("\t")[0] for line in run(app, "mail", "list").output.splitlines()] == ["2"]
    written = events(app, "mail_discarded")
    assert [event.detail for event in written] == [{"mail": "reset_password"}, {"mail": "password_changed"}]
    assert [(event.user_id, event.user_agent) for event in written] == [(None, USER_AGENT), (1, USER_AGENT)]


def test_however_many_wait_all_are_listed_and_counted(make_app: Callable[..., Flask]) -> None:
    app = make_app(mail_url=CLOSED_PORT)
    enqueue(app, 1001)
    assert len(run(app, "mail", "list").output.splitlines()) == 1001
    assert len(json.loads(run(app, "mail", "list", "--json").output)) == 1001
    with app.app_context():
        db.session.execute(update(OutboxMail).values(last_error="no"))
        db.session.execute(update(OutboxMail).where(OutboxMail.id == 1001).values(last_error="never"))
        db.session.commit()
    assert "warn mail: 1001 could not be sent, the last because of never" in run(app, "doctor").output


def test_mail_that_nobody_tries_to_send_is_counted_all(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    app = make_app(mail_url=CLOSED_PORT)
    enqueue(app, 1001)
    clock.shift(3601)
    assert "warn mail: 1001 wait since 2026-07-01 12:00 UTC" in run(app, "doctor").output


def test_without_a_route_mail_is_kept_and_the_command_says_why(make_app: Callable[..., Flask]) -> None:
    app = make_app(**PRODUCTION)
    enqueue(app)
    refused = run(app, "mail", "send")
    assert (refused.exit_code, "MAIL_URL" in refused.output) == (1, True)
    assert "attempt 1" in run(app, "mail", "list").output


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        (PRODUCTION, "fail mail: goes nowhere"),
        (PRODUCTION | {"mail_url": "smtp://mail.example.com?tls=off"}, "warn mail: goes to mail.example.com:25 in the"),
        (PRODUCTION | {"mail_url": "file:///srv/mail"}, "warn mail: is written to /srv/mail"),
        (PRODUCTION | {"mail_url": "smtp://localhost"}, "ok   mail: goes to localhost:25"),
        (PRODUCTION | {"mail_url": "smtp://u:hunter2@mail.example.com"}, "ok   mail: goes to mail.example.com:587"),
        ({"mail_url": "file:///srv/mail"}, "ok   mail: is written to /srv/mail"),
    ],
)
def test_the_doctor_says_where_mail_goes(
    make_app: Callable[..., Flask], settings: dict[str, Any], finding: str
) -> None:
    result = run(make_app(**settings), "doctor")
    assert finding in result.output
    assert "hunter2" not in result.output


def test_the_development_inbox_names_instants_in_utc(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(app_env="development", mail_url=f"file://{tmp_path}/mail")
    register(app)
    Mailbox(app, tmp_path / "mail").deliver()
    page = app.test_client().get("/dev/mail").text
    written = page.partition('<time datetime="')[2].partition('"')[0]
    assert datetime.fromisoformat(written).tzinfo == UTC
