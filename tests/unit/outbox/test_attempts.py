"""The outbox: when a mail is tried again, and when it is given up."""

from datetime import datetime, timedelta

import pytest

from tests.support.outbox_rows import SECOND, claim, enqueue, fail, nothing_is_due, row, size
from tests.support.steps import START
from webapp import outbox
from webapp.database import db
from webapp.mail import LINK_LIFETIMES
from webapp.outbox import LEASE, LONGEST_PAUSE, MOST_ATTEMPTS, MailKind

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.usefixtures("app")
def test_each_pause_is_twice_as_long_as_the_one_before_up_to_a_quarter_of_an_hour() -> None:
    enqueue()
    now, pauses = START, []
    for _ in range(20):
        after = fail(claim(now), now=now)
        pauses.append((after.next_attempt_at - now).total_seconds())
        assert nothing_is_due(after.next_attempt_at - SECOND)
        now = after.next_attempt_at
    assert pauses[:8] == [10, 20, 40, 80, 160, 320, 640, 900]
    assert set(pauses[8:]) == {900}


@pytest.mark.usefixtures("app")
def test_after_three_days_of_pauses_a_mail_is_given_up_and_kept() -> None:
    enqueue()
    now = START
    for _ in range(MOST_ATTEMPTS - 1):
        after = fail(claim(now), now=now)
        assert after.failed_at is None
        now = after.next_attempt_at
    assert timedelta(days=3) - LONGEST_PAUSE < now - START <= timedelta(days=3)
    assert fail(claim(now), now=now).failed_at == now
    assert nothing_is_due(START + timedelta(days=365))
    assert size() == 1


@pytest.mark.usefixtures("app")
def test_a_mail_that_waited_long_for_a_sender_is_tried_as_often_as_any() -> None:
    enqueue()
    late = START + timedelta(days=30)
    assert fail(claim(late), now=late).failed_at is None


@pytest.mark.usefixtures("app")
def test_what_is_refused_for_good_is_given_up_at_once_and_has_three_days_again_when_asked_for() -> None:
    enqueue(3)
    refused, postponed = fail(claim(), is_final=True).id, fail(claim()).id
    assert row(refused).failed_at == START
    later = START + timedelta(days=10)
    assert retry(later) == (2, 0), "the one that was never tried is due anyhow"
    assert {claim(later).id for _ in range(3)} >= {refused, postponed}
    assert (row(refused).failed_at, row(refused).attempts, row(refused).created_at) == (None, 1, START)


@pytest.mark.usefixtures("app")
def test_what_somebody_sends_meanwhile_is_left_to_them() -> None:
    """Or it would go twice."""
    enqueue()
    fail(claim())
    later = START + 10 * SECOND
    sent = claim(later)
    assert retry(later) == (0, 0)
    assert nothing_is_due(later + LEASE - SECOND)
    fail(sent, now=later)
    assert retry(later) == (1, 0)


@pytest.mark.usefixtures("app")
def test_what_was_given_up_and_is_older_than_its_link_could_live_stays_so() -> None:
    """Its link would end the one that was asked for since."""
    for kind in (MailKind.RESET_PASSWORD, MailKind.NEW_DEVICE, MailKind.PASSWORD_CHANGED):
        outbox.enqueue(db.session, kind, user_id=1, now=START)
        db.session.commit()
        fail(claim(), is_final=True)
    outbox.enqueue(db.session, MailKind.RESET_PASSWORD, user_id=1, now=START)
    db.session.commit()
    postponed = fail(claim())
    week = timedelta(days=7)
    assert retry(START + week) == (2, 2), "what has no link, and what is tried again anyway"
    assert claim(START + week).kind == MailKind.PASSWORD_CHANGED
    assert claim(START + week).id == postponed.id
    assert retry(START + week - SECOND) == (1, 1)
    assert retry(START + timedelta(hours=1) - SECOND) == (2, 0)


def retry(now: datetime) -> tuple[int, int]:
    return outbox.retry_failed(db.session, lifetimes=LINK_LIFETIMES, now=now)


@pytest.mark.usefixtures("app")
def test_many_that_were_given_up_do_not_stand_in_the_way_of_the_next() -> None:
    """A sender looks at twenty at a time."""
    for _ in enqueue(22):
        fail(claim(), is_final=True)
    tomorrow = START + timedelta(days=1)
    newest = enqueue(at=tomorrow)[-1]
    assert claim(tomorrow).id == newest


@pytest.mark.usefixtures("app")
def test_a_long_error_fits() -> None:
    enqueue()
    assert fail(claim(), error="x" * 10_000).last_error == "x" * 200
