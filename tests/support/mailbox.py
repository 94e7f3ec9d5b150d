"""The mail of an application under test: sent when a test says so, read from the files it is written to."""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from flask import Flask

from webapp import postman
from webapp.web.context import settings

LINK = re.compile(r"http\S+/(verify|reset|not-me|undo)/(\S+)")


@dataclass
class Mailbox:
    """What `app`, whose MAIL_URL is this folder, has mailed; nothing leaves the outbox before `deliver`."""

    app: Flask
    folder: Path

    def deliver(self) -> list[EmailMessage]:
        """Send what is due; return the mails that went out by it, the oldest first."""
        before = set(self.folder.glob("*.eml"))
        with self.app.app_context():
            postman.deliver_due(settings())
        return [read(path) for path in sorted(set(self.folder.glob("*.eml")) - before)]

    def to(self, address: str) -> list[str]:
        """Send what is due; return the subjects of the mails that went to `address` by it."""
        return [str(mail["Subject"]) for mail in self.deliver() if mail["To"] == address]

    def token(self, kind: str, address: str | None = None) -> str:
        """Send what is due; return the token of the last link of a kind (verify, reset, not-me, undo) in it."""
        mails = [mail for mail in self.deliver() if address in (None, mail["To"])]
        found = [match[1] for mail in mails for match in LINK.findall(text(mail)) if match[0] == kind]
        assert found, [str(mail["Subject"]) for mail in mails]
        return str(found[-1])


def read(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
