"""The postman: takes mails from the outbox and hands them to an SMTP server or a folder, in a thread of its own.

A mail is deleted when it was handed over, so that none is lost if the process or the server dies; at the worst it goes
twice. No request waits for it."""

import logging
import os
import smtplib
import ssl
import threading
import time
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from flask import Flask, current_app
from flask_mailman import EmailMultiAlternatives
from flask_mailman.backends.smtp import EmailBackend

from webapp import mail, outbox
from webapp.clock import utc_now
from webapp.config import Settings
from webapp.database import OUTAGES, db
from webapp.errors import InvalidAddress
from webapp.mail import Message
from webapp.mail_route import MailRoute
from webapp.models import OutboxMail

log = logging.getLogger(__name__)

LOOKS_EVERY: Final = 5.0  # seconds; for mails of other processes, and for those whose pause is over
TIMEOUT: Final = 10.0  # seconds that the SMTP server may take for each step
PERMANENT: Final = 500  # an SMTP status from here on says: do not try again
WANTS_SIGN_IN: Final = range(530, 540)  # but these are about our password (RFC 4954 §6)


# --- handing over ----------------------------------------------------------------------------------------


def deliver_due(settings: Settings) -> int:
    """Send every mail that is due, one after the other; needs an application context. Return how many were sent.

    What cannot be sent is kept for later; what the server refuses for good is kept for an operator."""
    route, sent = settings.mail_route, 0
    while route is not None and (row := outbox.claim(db.session, now=utc_now())) is not None:
        try:
            message = mail.compose(db.session, settings, row, now=utc_now())
            if message is not None:
                _hand_over(route, message)
                if settings.is_development:
                    log.info("mail to %s: %s %s", message.recipient, message.subject, message.link)
                sent += 1
        except OUTAGES:
            raise
        except Exception as error:
            # Whatever one mail does, the next must go out.
            db.session.rollback()
            _keep(row, error, now=utc_now())
        else:
            outbox.remove(db.session, row)
    return sent


def _keep(row: OutboxMail, error: Exception, *, now: datetime) -> None:
    reason = f"{type(error).__name__}: {_status(error) or error}"
    # What is wrong with one mail, its recipient or its content, is final; what is wrong with the server or our
    # settings, with its certificate, our address or our password, is mended, and then all mails go.
    is_of_mail = isinstance(error, (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError))
    is_refused = is_of_mail and _status(error) >= PERMANENT and _status(error) not in WANTS_SIGN_IN
    is_wrong = isinstance(error, (InvalidAddress, ValueError)) and not isinstance(error, OSError)
    is_final = is_refused or is_wrong
    is_foreseen = is_final or isinstance(error, OSError)  # SMTPException is one
    log.warning(
        "mail %s (%s) was not sent, attempt %s: %s", row.id, row.kind, row.attempts, reason, exc_info=not is_foreseen
    )
    outbox.postpone(db.session, row, error=reason, is_final=is_final, now=now)


def _status(error: Exception) -> int:
    """Return the SMTP status of a refusal, or 0 if the server has not said one."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return min(code for code, _ in error.recipients.values())
    return int(getattr(error, "smtp_code", 0))


def _hand_over(route: MailRoute, message: Message) -> None:
    envelope = EmailMultiAlternatives(message.subject, message.text, message.sender, [message.recipient])
    envelope.attach_alternative(message.html, "text/html")
    if route.folder is not None:
        _write(route.folder, envelope.message().as_bytes())
        return
    backend = _Smtp(
        host=route.host,
        port=route.port,
        username=route.username,
        password=route.password,
        use_tls=route.tls == "starttls",
        use_ssl=route.tls == "on",
        timeout=TIMEOUT,
        mailman=current_app.extensions["mailman"],
    )
    backend.send_messages([envelope])


def _write(folder: Path, content: bytes) -> None:
    """Write one .eml file, which appears whole; names sort by time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).rename(folder / f"{time.time_ns()}-{Path(file.name).name[-6:]}.eml")


class _Smtp(EmailBackend):  # type: ignore[misc]  # Flask-Mailman comes without types
    """Flask-Mailman's, which by itself does not look at the server's certificate after STARTTLS."""

    @cached_property
    def connection_class(self) -> type[smtplib.SMTP]:
        return smtplib.SMTP_SSL if self.use_ssl else _VerifyingSmtp


class _VerifyingSmtp(smtplib.SMTP):
    def starttls(self, *_: Any, **__: Any) -> Any:
        return super().starttls(context=ssl.create_default_context())


# --- the thread ------------------------------------------------------------------------------------------


class Postman:
    """One thread a process that sends what is due. It starts with the first request, so that a server may fork."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._pid = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread unless this process has it already."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._work, name="postman", daemon=True).start()

    def _work(self) -> None:
        while True:
            outbox.mail_waits.clear()
            with self._app.app_context():
                try:
                    deliver_due(self._settings)
                except OUTAGES as error:
                    log.warning("the outbox cannot be read: %s", type(error).__name__)
                except Exception:
                    # Whatever one mail did, the next must go out.
                    log.exception("unexpected error of the postman")
            outbox.mail_waits.wait(LOOKS_EVERY)


def employ(app: Flask, settings: Settings) -> None:
    """Let every process that answers requests of `app` send mail."""
    postman = Postman(app, settings)
    app.before_request(postman.start)
