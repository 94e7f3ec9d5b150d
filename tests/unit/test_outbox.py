"""The outbox: who gets a mail to send, when it is tried again, when it is given up, and what wakes a sender."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from smtplib import SMTPConnectError, SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import ORMExecuteState

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import START
from webapp import outbox, postman
from webapp.database import db
from webapp.mail import Message
from webapp.mail_route import MailRoute
from webapp.models import OneTimeToken, OutboxMail, User
from webapp.outbox import LEASE, LONGEST_PAUSE, MOST_ATTEMPTS, MailKind
from webapp.web.context import settings

SECOND = timedelta(seconds=1)


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(autouse=True)
def _asleep() -> Iterator[None]:
    """Nobody has been woken yet, and nobody is when the test is over."""
    outbox.mail_waits.clear()
    yield
    outbox.mail_waits.clear()


@pytest.fixture
def app(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Flask]:
    """The product, in whose context a test runs."""
    app = make_app(mail_url=f"file://{tmp_path}/mail")
    with app.app_context():
        yield app


@pytest.fixture
def mailbox(app: Flask, tmp_path: Path) -> Mailbox:
    return Mailbox(app, tmp_path / "mail")


@contextmanager
def another_sender(app: Flask) -> Iterator[None]:
    """What is done inside is done by another process, with a session and a transaction of its own."""
    with app.app_context():
        yield


def enqueue(count: int = 1, *, user_id: int | None = 1, at: datetime = START, **detail: Any) -> list[int]:
    for _ in range(count):
        outbox.enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=user_id, now=at, **detail)
    db.session.commit()
    return list(db.session.scalars(select(OutboxMail.id).order_by(OutboxMail.id)))


def claim(now: datetime = START) -> OutboxMail:
    mail = outbox.claim(db.session, now=now)
    assert mail is not None
    return mail


def nothing_is_due(now: datetime) -> bool:
    return outbox.claim(db.session, now=now) is None


def fail(mail: OutboxMail, *, error: str = "out of order", is_final: bool = False, now: datetime = START) -> OutboxMail:
    """Postpone a mail; return its row as it is now."""
    outbox.postpone(db.session, mail, error=error, is_final=is_final, now=now)
    return row(mail.id)


def row(mail_id: int) -> OutboxMail:
    db.session.rollback()
    found = db.session.get(OutboxMail, mail_id, populate_existing=True)
    assert found is not None
    db.session.expunge(found)  # a sender's session holds no rows but those it has claimed
    return found


def size() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(OutboxMail)) or 0


# --- claims ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("app")
def test_the_mail_that_is_due_longest_goes_first_and_none_before_its_time() -> None:
    late, early = enqueue(at=START + SECOND) + enqueue(at=START)[1:]
    assert claim(START).id == early
    assert nothing_is_due(START)
    assert claim(START + SECOND).id == late


def test_a_mail_that_somebody_sends_is_given_to_nobody_else_before_the_lease_is_over(app: Flask) -> None:
    enqueue()
    first = claim()
    with another_sender(app):
        assert nothing_is_due(START + LEASE - SECOND)
        again = claim(START + LEASE)
    assert (again.id, first.attempts, again.attempts) == (first.id, 1, 2)


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


# --- the next attempt, and the last ----------------------------------------------------------------------


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


# --- sending ---------------------------------------------------------------------------------------------


def test_a_decoy_costs_a_row_and_is_dropped(mailbox: Mailbox) -> None:
    enqueue(user_id=None)
    assert size() == 1
    assert mailbox.deliver() == []
    assert size() == 0


def test_a_mail_to_nobody_any_more_is_dropped_and_one_that_names_its_address_goes(app: Flask, mailbox: Mailbox) -> None:
    user_id = people.create_user(app)
    enqueue(user_id=user_id)
    outbox.enqueue(db.session, MailKind.ACCOUNT_DELETED, user_id=None, now=START, address=people.EMAIL)
    db.session.execute(delete(User).where(User.id == user_id))
    db.session.commit()
    assert [mail["To"] for mail in mailbox.deliver()] == [people.EMAIL]
    assert size() == 0


def test_no_token_exists_before_its_mail_is_sent(app: Flask, mailbox: Mailbox) -> None:
    """A dump of the database, or of the outbox, opens no account."""
    user_id = people.create_user(app)
    outbox.enqueue(db.session, MailKind.RESET_PASSWORD, user_id=user_id, now=START)
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(OneTimeToken)) == 0
    token = mailbox.token("reset")
    (kept,) = db.session.scalars(select(OneTimeToken))
    assert token not in str(vars(kept))


@pytest.mark.parametrize(
    ("error", "is_given_up"),
    [
        (ConnectionRefusedError("nobody there"), False),
        (SMTPRecipientsRefused({people.EMAIL: (451, b"later")}), False),
        (SMTPRecipientsRefused({people.EMAIL: (550, b"never")}), True),
        (SMTPRecipientsRefused({people.EMAIL: (530, b"sign in first")}), False),
        (SMTPDataError(554, b"spam"), True),
        (SMTPSenderRefused(550, b"you are not welcome", "no-reply@localhost"), False),
        (SMTPConnectError(554, b"no service here"), False),
        (KeyError("a defect of ours"), False),
        (ValueError("no such header"), True),
    ],
)
def test_one_mail_that_fails_does_not_keep_the_others_from_going(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, error: Exception, is_given_up: bool
) -> None:
    users = [people.create_user(app), people.create_user(app, "jane@example.com")]
    for user_id in users:
        enqueue(user_id=user_id)
    hand_over = postman._hand_over

    def fail_for_john(route: MailRoute, message: Message) -> None:
        if message.recipient == people.EMAIL:
            raise error
        hand_over(route, message)

    monkeypatch.setattr(postman, "_hand_over", fail_for_john)
    assert [mail["To"] for mail in mailbox.deliver()] == ["jane@example.com"]
    (kept,) = outbox.waiting(db.session, limit=9)
    assert (kept.user_id, kept.failed_at is not None, kept.attempts) == (users[0], is_given_up, 1)
    assert kept.last_error.startswith(type(error).__name__)


def test_mail_waits_while_it_has_nowhere_to_go(make_app: Callable[..., Flask]) -> None:
    with make_app(mail_url="").app_context():
        enqueue()
        assert settings().mail_route is None
        assert postman.deliver_due(settings()) == 0
        assert claim().attempts == 1, "nobody had taken it"


# --- waking the sender -----------------------------------------------------------------------------------


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
