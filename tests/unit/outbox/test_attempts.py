"""The outbox: when a mail is tried again, and when it is given up."""

from datetime import timedelta

import pytest

from tests.support.outbox_rows import SECOND, claim, enqueue, fail, nothing_is_due, row, size
from tests.support.steps import START
from webapp import outbox
from webapp.database import db
from webapp.outbox import LONGEST_PAUSE, MOST_ATTEMPTS

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
    assert outbox.retry_failed(db.session, now=later) == 2, "the one that was never tried is due anyhow"
    assert {claim(later).id for _ in range(3)} >= {refused, postponed}
    assert (row(refused).failed_at, row(refused).attempts, row(refused).created_at) == (None, 1, START)


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
