"""The outbox: how long what was given up is kept, and what an operator throws away."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.support import people
from tests.support.outbox_rows import SECOND, claim, enqueue, fail, row
from tests.support.steps import START
from webapp import outbox
from webapp.audit import COMMAND_LINE
from webapp.database import PURGE_BATCH, db
from webapp.models import AuditEvent, OutboxMail, User
from webapp.outbox import KEPT, MailKind

pytestmark = pytest.mark.usefixtures("clock")


def kept() -> list[int]:
    return list(db.session.scalars(select(OutboxMail.id).order_by(OutboxMail.id)))


def test_what_was_given_up_is_dropped_after_a_month_and_what_waits_is_not(app: Flask) -> None:
    _, second, third = enqueue(3, user_id=people.create_user(app))
    fail(claim(), is_final=True)
    fail(claim())
    assert outbox.purge(db.session, now=START + KEPT - SECOND) == 0
    assert outbox.purge(db.session, now=START + KEPT) == 1
    assert (kept(), row(second).last_error, row(third).last_error) == ([second, third], "out of order", "")


def test_what_was_for_a_user_who_is_gone_is_dropped_at_once_with_the_address_that_it_holds(app: Flask) -> None:
    user_id = people.create_user(app)
    enqueue(2, user_id=user_id, address=people.EMAIL)
    fail(claim(), is_final=True)
    decoy = enqueue(user_id=None)[-1]
    assert outbox.purge(db.session, now=START) == 0
    db.session.execute(delete(User).where(User.id == user_id))
    db.session.commit()
    assert outbox.purge(db.session, now=START) == 2
    assert kept() == [decoy]


@pytest.mark.usefixtures("app")
def test_a_farewell_is_kept_as_long_as_any_though_its_user_is_gone() -> None:
    outbox.enqueue(db.session, MailKind.ACCOUNT_DELETED, user_id=None, now=START, address=people.EMAIL)
    db.session.commit()
    assert outbox.purge(db.session, now=START + timedelta(days=365)) == 0, "it waits for a server"
    late = START + timedelta(days=3)
    farewell = fail(claim(late), is_final=True, now=late)
    assert outbox.purge(db.session, now=late + KEPT - SECOND) == 0
    assert kept() == [farewell.id]
    assert outbox.purge(db.session, now=late + KEPT) == 1


@pytest.mark.usefixtures("app")
def test_however_many_are_thrown_away_each_is_written_down() -> None:
    count = PURGE_BATCH + 1
    enqueue(count, user_id=7)
    assert outbox.discard(db.session, OutboxMail.user_id == 7, client=COMMAND_LINE, now=START) == count
    written = db.session.scalars(select(AuditEvent)).all()
    assert (kept(), len(written)) == ([], count)
