"""The messages: each kind's recipient, link and words, made when it is sent. Templates in templates/mail say the rest.

A template has blocks: `subject`, `body` (paragraphs parted by blank lines), and `action`, the label of the link. Text
and HTML part are made from the same blocks, so that they say the same."""

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import formataddr
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from webapp import devices, one_time_tokens, outbox
from webapp.addresses import mail_address
from webapp.config import ROOT, Settings
from webapp.database import DbSession
from webapp.models import OutboxMail, User
from webapp.one_time_tokens import Purpose
from webapp.outbox import MailKind

_environment: Final = Environment(
    loader=FileSystemLoader(ROOT / "templates" / "mail"),
    autoescape=select_autoescape(["html"], default=False),  # text parts are text
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Message(NamedTuple):
    """A mail that is ready to go: sender and recipient as headers want them, subject, link, and its two parts."""

    sender: str
    recipient: str
    subject: str
    link: str
    text: str
    html: str


class _Link(NamedTuple):
    """Where a mail leads: a path, which ends in a one-time token if there is a purpose for one."""

    path: str
    purpose: Purpose | None = None


_LINKS: Final = {
    MailKind.CONFIRM_ADDRESS: _Link("/verify/", Purpose.VERIFY_EMAIL),
    MailKind.ALREADY_REGISTERED: _Link("/login"),
    MailKind.RESET_PASSWORD: _Link("/reset/", Purpose.RESET_PASSWORD),
    MailKind.PASSWORD_CHANGED: _Link("/forgot"),
    MailKind.CONFIRM_NEW_ADDRESS: _Link("/verify/", Purpose.CHANGE_EMAIL),
    MailKind.ADDRESS_CHANGE_ASKED: _Link("/account/security"),
    MailKind.ADDRESS_CHANGED: _Link("/undo/", Purpose.UNDO_EMAIL_CHANGE),
    MailKind.ADDRESS_IN_USE: _Link("/login"),
    MailKind.NEW_DEVICE: _Link("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.TOKEN_REUSED: _Link("/account/sessions"),
    MailKind.NEW_DEVICES_LOCKED: _Link("/reset/", Purpose.RESET_PASSWORD),
    MailKind.CODES_TRIED: _Link("/forgot"),
    MailKind.SECOND_FACTOR_ADDED: _Link("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.SECOND_FACTOR_REMOVED: _Link("/account/security"),
    MailKind.RECOVERY_CODE_USED: _Link("/account/security"),
    MailKind.RECOVERY_CODES_MADE: _Link("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.PASSKEY_ADDED: _Link("/not-me/", Purpose.DISOWN_SIGN_IN),
    MailKind.PASSKEY_REMOVED: _Link("/account/security"),
    MailKind.ACCOUNT_DELETED: _Link("/register"),
}
LINK_LIFETIMES: Final = {kind: one_time_tokens.LIFETIMES[link.purpose] for kind, link in _LINKS.items() if link.purpose}
# A new link takes the place of the ones before; each new device and each change of address has one of its own.
_REMEDIES: Final = {Purpose.DISOWN_SIGN_IN, Purpose.UNDO_EMAIL_CHANGE}
_REPLACING: Final = {Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL}
_LIKE_A_LINK: Final = re.compile(r"://|@|\w\.\w")
# What an address is sent that nobody has proved: what is asked for at the doors, five times a day, or that one is shut
_TO_UNPROVED: Final = {
    MailKind.CONFIRM_ADDRESS,
    MailKind.ALREADY_REGISTERED,
    MailKind.ADDRESS_IN_USE,
    MailKind.RESET_PASSWORD,
    MailKind.NEW_DEVICES_LOCKED,
}


def compose(db: DbSession, settings: Settings, row: OutboxMail, *, now: datetime) -> Message | None:
    """Return the mail of an outbox row with the link it needs, or None if there is nobody to send it to; commits.

    It goes to the address that the database holds, never to one that was typed, but for those that say so. Raises
    InvalidAddress for one that no mail of ours gets to."""
    kind, user = MailKind(row.kind), None
    if row.user_id is not None:
        one_time_tokens.lock_owner(db, row.user_id)
        user = db.get(User, row.user_id, populate_existing=True)
    recipient = _recipient(user, outbox.detail_of(db, row))
    is_orphan = row.user_id is not None and user is None
    if recipient is None or is_orphan or _is_kept_back(user, kind, recipient):
        db.rollback()
        return None
    written = mail_address(recipient)  # before there is a link that nobody would get
    values = {
        "name": _name_of(user, recipient),
        "email": user.email if user else recipient,
        "at": row.created_at,
        "link": _link(db, settings, row, user=user, recipient=recipient, now=now),
        "site": settings.base_url,
        **devices.sign_in_of(db, row.detail.get("session_id"))._asdict(),
        **{name: value for name, value in row.detail.items() if name not in ("address", "session_id")},
    }
    db.commit()
    return _render(settings, kind, written, values)


def _recipient(user: User | None, detail: dict[str, Any] | None) -> str | None:
    if detail is None:  # withdrawn
        return None
    own = user.email if user else None
    return detail.get("address", own)


def _name_of(user: User | None, recipient: str) -> str:
    """Return what the recipient is called, or nothing: who has not proved that the address is theirs gets no words that
    somebody else has chosen, and nobody a name in which a mail program sees a link."""
    if user is None or not user.email_verified or recipient != user.email or _LIKE_A_LINK.search(user.first_name):
        return ""
    return user.first_name


def _is_kept_back(user: User | None, kind: MailKind, recipient: str) -> bool:
    """Whether nobody is to have this mail: an address that was never proved may be a stranger's, who is not written to
    by what somebody does with the account; and no new link opens an account that was deactivated."""
    if user is None:
        return False
    is_unproved = recipient == user.email and not user.email_verified
    return (is_unproved and kind not in _TO_UNPROVED) or (not user.is_active and _LINKS[kind].purpose in _REPLACING)


def _link(
    db: DbSession, settings: Settings, row: OutboxMail, *, user: User | None, recipient: str, now: datetime
) -> str:
    link = _LINKS[MailKind(row.kind)]
    if link.purpose is None or user is None:
        return f"{settings.base_url}{link.path}"
    if link.purpose in _REPLACING:
        one_time_tokens.cancel(db, link.purpose, user_id=user.id, now=now)
    token = one_time_tokens.issue(
        db,
        link.purpose,
        user_id=user.id,
        email=recipient,  # a link stands for the address that it is sent to
        session_id=row.detail.get("session_id"),
        since=row.created_at if link.purpose in _REMEDIES else None,
        now=now,
    )
    return f"{settings.base_url}{link.path}{token}"


def _render(settings: Settings, kind: MailKind, recipient: str, values: dict[str, Any]) -> Message:
    block = _blocks(_environment.get_template(f"{kind}.txt"), values)
    # Paragraphs are wrapped in the template; one line each is what both parts start from.
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", block("body")) if part.strip()]
    parts = {
        **values,
        "subject": " ".join(block("subject").split()),
        "paragraphs": paragraphs,
        "action": block("action"),
    }
    route = settings.mail_route
    sender = (route.sender if route else "") or f"no-reply@{urlsplit(settings.base_url).hostname}"
    return Message(
        sender=formataddr(("Evergreen", sender)),
        recipient=recipient,
        subject=parts["subject"],
        link=values["link"],
        text=_environment.get_template("_layout.txt").render(parts),
        html=_environment.get_template("_layout.html").render(parts),
    )


def _blocks(template: Template, values: dict[str, Any]) -> Callable[[str], str]:
    context = template.new_context(values)
    return lambda name: "".join(template.blocks[name](context)).strip() if name in template.blocks else ""
