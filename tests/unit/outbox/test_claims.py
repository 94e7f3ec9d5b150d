"""The outbox: who gets a mail to send, and that nobody else does."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import event, update
from sqlalchemy.orm import ORMExecuteState

from tests.support.outbox_rows import SECOND, another_sender, claim, enqueue, fail, nothing_is_due, size
from tests.support.steps import START
from webapp import outbox
from webapp.database import db
from webapp.models import OutboxMail
from webapp.outbox import LEASE, MailKind

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.usefixtures("app")
def test_the_mail_that_is_due_longest_goes_first_and_none_before_its_time() -> None:
    late, early = enqueue(at=START + SECOND) + enqueue(at=START)[1:]
    assert claim(START).id == early
    assert nothing_is_due(START)
    assert claim(START + SECOND).id == late


@pytest.mark.usefixtures("app")
def test_a_mail_of_a_newer_release_waits_for_that() -> None:
    """Servers are upgraded one after the other, and sometimes taken back."""
    first, second = enqueue(2)
    db.session.execute(update(OutboxMail).where(OutboxMail.id == first).values(kind="of_tomorrow"))
    db.session.commit()
    assert claim(START).id == second
    assert nothing_is_due(START)


def test_a_mail_that_somebody_sends_is_given_to_nobody_else_before_the_lease_is_over(app: Flask) -> None:
    enqueue()
    first = claim()
    with another_sender(app):
        assert nothing_is_due(START + LEASE - SECOND)
        again = claim(START + LEASE)
    assert (again.id, first.attempts, again.attempts) == (first.id, 1, 2)


@pytest.mark.usefixtures("app")
def test_what_becomes_of_a_mail_that_was_withdrawn_while_it_is_sent_is_not_done_to_the_next() -> None:
    """P08: on SQLite the next row would have its id."""
    outbox.enqueue(db.session, MailKind.CONFIRM_NEW_ADDRESS, user_id=1, now=START)
    db.session.commit()
    sent = claim()
    outbox.withdraw(db.session, MailKind.CONFIRM_NEW_ADDRESS, user_id=1)
    outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=1, now=START)
    db.session.commit()
    assert outbox.detail_of(db.session, sent) is None
    outbox.postpone(db.session, sent, error="nobody listens", is_final=True, now=START)
    outbox.remove(db.session, sent)
    assert claim().kind == MailKind.PASSWORD_CHANGED


def test_of_two_senders_that_see_the_same_mail_one_gets_it(app: Flask) -> None:
    """The other claims it between this one's look and its own claim; this one moves on to the next mail."""
    first, second = enqueue(2)
    others: list[int] = []

    def overtake(state: ORMExecuteState) -> None:
        if state.is_update and not others:
            others.append(0)
            with another_sender(app):
                others[0] = claim().id

    session = db.session()
    event.listen(session, "do_orm_execute", overtake)
    try:
        own = claim().id
    finally:
        event.remove(session, "do_orm_execute", overtake)
    assert (others, own) == ([first], second)


def test_of_eight_senders_at_once_each_mail_goes_to_one(app: Flask) -> None:
    ids = enqueue(24)

    def work(_: int) -> list[int]:
        with another_sender(app):
            got = []
            while mail := outbox.claim(db.session, now=START):
                got.append(mail.id)
            return got

    with ThreadPoolExecutor(8) as pool:
        got = [mail_id for lane in pool.map(work, range(8)) for mail_id in lane]
    assert sorted(got) == ids


def test_a_mail_that_another_has_sent_meanwhile_upsets_nobody(app: Flask) -> None:
    enqueue()
    mail = claim()
    with another_sender(app):
        outbox.remove(db.session, claim(START + LEASE))
    assert (mail.kind, mail.attempts, mail.detail) == (MailKind.PASSWORD_CHANGED, 1, {}), "it can still be read"
    outbox.postpone(db.session, mail, error="x", is_final=True, now=START + LEASE)
    outbox.remove(db.session, mail)
    assert size() == 0


@pytest.mark.parametrize("is_final", [False, True])
def test_whoever_outlives_their_lease_does_not_put_off_the_one_who_has_it_now(app: Flask, is_final: bool) -> None:
    enqueue()
    mail = claim()
    with another_sender(app):
        theirs = claim(START + LEASE)
    after = fail(mail, is_final=is_final, now=START + LEASE)
    assert (after.next_attempt_at, after.last_error, after.failed_at) == (theirs.next_attempt_at, "", None)
    with another_sender(app):
        assert fail(theirs, now=START + LEASE).last_error == "out of order"
