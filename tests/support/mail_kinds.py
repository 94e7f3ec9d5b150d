"""The kinds of mail: with what each is enqueued, where its link leads, and how a test makes one."""

from typing import Any

from tests.support import people
from tests.support.steps import START
from webapp import mail
from webapp.database import db
from webapp.mail import Message
from webapp.models import OutboxMail
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind
from webapp.web.context import settings

MARKUP = '<b>"Bobby"</b> & <img src=x onerror=alert(1)>'
NEW = "new@example.com"
SID = "session-of-22-letters-"
# What each kind is enqueued with, by the module that does.
DETAILS: dict[MailKind, dict[str, Any]] = {
    MailKind.CONFIRM_NEW_ADDRESS: {"address": NEW},
    MailKind.ADDRESS_CHANGE_ASKED: {"new_address": NEW},
    MailKind.ADDRESS_CHANGED: {"address": people.EMAIL, "new_address": NEW},
    MailKind.NEW_DEVICE: {"session_id": SID},
    MailKind.TOKEN_REUSED: {"session_id": SID},
    MailKind.RECOVERY_CODE_USED: {"left": 2},
    MailKind.RECOVERY_CODES_MADE: {"session_id": SID},
    MailKind.SECOND_FACTOR_ADDED: {"session_id": SID},
    MailKind.PASSKEY_ADDED: {"session_id": SID, "passkey": MARKUP},
    MailKind.PASSKEY_REMOVED: {"passkey": MARKUP},
    MailKind.ACCOUNT_DELETED: {"address": people.EMAIL},
}
TOKENS = {
    MailKind.CONFIRM_ADDRESS: ("/verify/", Purpose.VERIFY_EMAIL),
    MailKind.RESET_PASSWORD: ("/reset/", Purpose.RESET_PASSWORD),
    MailKind.NEW_DEVICES_LOCKED: ("/reset/", Purpose.RESET_PASSWORD),
    MailKind.CONFIRM_NEW_ADDRESS: ("/verify/", Purpose.CHANGE_EMAIL),
    MailKind.ADDRESS_CHANGED: ("/undo/", Purpose.UNDO_EMAIL_CHANGE),
    MailKind.NEW_DEVICE: ("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.SECOND_FACTOR_ADDED: ("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.RECOVERY_CODES_MADE: ("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.PASSKEY_ADDED: ("/not-me/", Purpose.DISOWN_SIGN_IN),
}
REMEDIES = (Purpose.UNDO_EMAIL_CHANGE, Purpose.DISOWN_SIGN_IN)


def compose(kind: MailKind, *, user_id: int | None = 1, **changed: Any) -> Message:
    detail = DETAILS.get(kind, {}) | changed
    row = OutboxMail(kind=kind, user_id=user_id, detail=detail, created_at=START, next_attempt_at=START)
    db.session.add(row)
    db.session.commit()
    message = mail.compose(db.session, settings(), row, now=START)
    assert message is not None, message
    return message
