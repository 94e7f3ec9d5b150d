"""A real SMTP server that keeps what it is given, and the product served so that its mail goes there."""

import email
import email.policy
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.browser.site import Site
from tests.support.databases import close_connections, fresh_database
from tests.support.live import free_port, serve
from tests.support.settings import make_settings
from webapp import create_app

ARRIVES_WITHIN = 20  # seconds
LINK = re.compile(r"^https?://\S+$", re.MULTILINE)


class MailSink:
    """Keeps every mail by recipient, and gives each out once: a test that asks twice waits for a second mail."""

    def __init__(self) -> None:
        self._boxes: dict[str, list[EmailMessage]] = {}
        self._arrival = threading.Condition()

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        with self._arrival:
            for recipient in envelope.rcpt_tos:
                self._boxes.setdefault(recipient, []).append(message)
            self._arrival.notify_all()
        return "250 kept"

    def take(self, address: str, subject: str) -> EmailMessage:
        """Wait for a mail with that subject to that address, and take it out of the box."""
        deadline = time.monotonic() + ARRIVES_WITHIN
        with self._arrival:
            while True:
                box = self._boxes.get(address, [])
                for message in box:
                    if message["Subject"] == subject:
                        box.remove(message)
                        return message
                left = deadline - time.monotonic()
                assert left > 0, f"no “{subject}” to {address}, but {[str(mail['Subject']) for mail in box]}"
                self._arrival.wait(left)

    def take_link(self, address: str, subject: str) -> str:
        """Wait for a mail like `take`, and return the one address that its text asks to open."""
        return link_of(self.take(address, subject))


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def link_of(message: EmailMessage) -> str:
    links = LINK.findall(text_of(message))
    assert links, text_of(message)
    return str(links[0])


@contextmanager
def sink_mail() -> Iterator[tuple[MailSink, str]]:
    """Take mail at an address of 127.0.0.1 until the block ends; the second value is the MAIL_URL of it."""
    sink, port = MailSink(), free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield sink, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@dataclass
class MailedSite(Site):
    """A site whose mail a test can read."""

    mails: MailSink = field(default_factory=MailSink)


@contextmanager
def serve_with_mail(folder: Path, **settings: Any) -> Iterator[MailedSite]:
    """Serve the product without demo users; its mail goes by SMTP to the site's sink."""
    database_url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=database_url))
    try:
        with sink_mail() as (mails, mail_url):
            settings |= {"mail_url": mail_url}
            with serve(folder, database_url, **settings) as server:
                yield MailedSite(server, app, mails)
    finally:
        with app.app_context():
            close_connections()
