"""Refreshes, events, links and mails go on beyond the two billion that 32 bits number."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import column, select, table, text

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import MINUTE, START, refresh, submit
from webapp.database import db
from webapp.models import AuditEvent, SessionRefresh

pytestmark = pytest.mark.usefixtures("clock")

BEYOND = 2**31
SEQUENCES = ("session_refreshes_id_seq", "audit_events_id_seq", "outbox_mails_id_seq", "one_time_tokens_id_seq")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_are_numbered_on_beyond_32_bits(
    app: Flask, signed_in: people.SignedIn, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """A mail makes its link when it is sent."""
    with app.app_context():
        for sequence in SEQUENCES:
            db.session.execute(text(f"SELECT setval('{sequence}', {BEYOND - 1})"))
        db.session.commit()
    for _ in range(2):
        clock.shift(MINUTE)
        assert refresh(signed_in.http, signed_in.refresh, "bearer").status_code == 200
    assert submit(app.test_client(), "/forgot", {"email": people.EMAIL}).status_code == 303
    assert mailbox.token("reset")
    with app.app_context():
        assert set(db.session.scalars(select(SessionRefresh.id))) == {BEYOND, BEYOND + 1}
        last = {name: db.session.scalar(select(column("last_value")).select_from(table(name))) for name in SEQUENCES}
    assert min(last.values()) >= BEYOND, last


def test_pages_of_events_go_on_beyond_32_bits(app: Flask, desk: FlaskClient) -> None:
    with app.app_context():
        db.session.add_all(AuditEvent(id=BEYOND + number, at=START, kind="sign_out") for number in range(120))
        db.session.commit()
    link = re.search(r'rel="next"\s+href="([^"]*)"', desk.get("/admin/events").text)
    assert link
    assert desk.get(link.group(1).replace("&amp;", "&")).status_code == 200
