"""The outbox: what wakes a sender."""

import pytest

from tests.support.outbox_rows import claim, enqueue, fail, size
from tests.support.steps import START
from webapp import outbox
from webapp.database import db
from webapp.outbox import MailKind

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.usefixtures("app")
def test_a_sender_is_woken_when_a_mail_is_committed_and_not_before() -> None:
    """Before, it would find nothing, and go to sleep again."""
    outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=1, now=START)
    db.session.flush()
    assert not outbox.mail_waits.is_set()
    db.session.commit()
    assert outbox.mail_waits.is_set()


@pytest.mark.usefixtures("app")
def test_a_mail_that_was_rolled_back_wakes_nobody_and_is_not_sent() -> None:
    outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=1, now=START)
    db.session.rollback()
    assert not outbox.mail_waits.is_set()
    assert size() == 0


@pytest.mark.usefixtures("app")
def test_commits_without_a_mail_wake_nobody() -> None:
    enqueue()
    outbox.mail_waits.clear()
    fail(claim())
    db.session.commit()
    assert not outbox.mail_waits.is_set()
