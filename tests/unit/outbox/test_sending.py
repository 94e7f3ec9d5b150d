"""The outbox: what is sent, what is dropped, and what a failure means for this mail and for the others."""

from collections.abc import Callable
from smtplib import SMTPConnectError, SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.outbox_rows import claim, enqueue, size
from tests.support.steps import START
from webapp import outbox, postman
from webapp.database import db
from webapp.mail import Message
from webapp.mail_route import MailRoute
from webapp.models import OneTimeToken, OutboxMail, User
from webapp.outbox import MailKind
from webapp.web.context import settings

pytestmark = pytest.mark.usefixtures("clock")


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


def test_mail_to_an_international_domain_goes_there(app: Flask, mailbox: Mailbox) -> None:
    """Not to strasse.de, which is somebody else's."""
    enqueue(user_id=people.create_user(app, "a@straße.de"))
    assert [mail["To"] for mail in mailbox.deliver()] == ["a@xn--strae-oqa.de"]


def test_mail_to_an_address_that_it_cannot_reach_waits_for_an_operator(app: Flask, mailbox: Mailbox) -> None:
    """Accounts may have one from before such addresses were refused. There is no link that nobody gets."""
    user_id = people.create_user(app)
    db.session.execute(update(User).where(User.id == user_id).values(email="josé@example.com"))
    outbox.enqueue(db.session, MailKind.RESET_PASSWORD, user_id=user_id, now=START)
    db.session.commit()
    assert mailbox.deliver() == []
    (kept,) = db.session.scalars(select(OutboxMail))
    assert (kept.failed_at, kept.attempts) == (START, 1)
    assert kept.last_error == "InvalidAddress: Internationalized characters before the @-sign are not supported: 'é'."
    assert db.session.scalar(select(func.count()).select_from(OneTimeToken)) == 0


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
    (kept,) = db.session.scalars(select(OutboxMail))
    assert (kept.user_id, kept.failed_at is not None, kept.attempts) == (users[0], is_given_up, 1)
    assert kept.last_error.startswith(type(error).__name__)


def test_mail_waits_while_it_has_nowhere_to_go(make_app: Callable[..., Flask]) -> None:
    with make_app(mail_url="").app_context():
        enqueue()
        assert settings().mail_route is None
        assert postman.deliver_due(settings()) == 0
        assert claim().attempts == 1, "nobody had taken it"
