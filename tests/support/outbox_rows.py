"""Mails in the outbox, as its tests put them there, claim them, fail with them and look at them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from tests.support.steps import START
from webapp import outbox
from webapp.database import db
from webapp.models import OutboxMail
from webapp.outbox import MailKind

SECOND = timedelta(seconds=1)


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
