"""Mail: has it somewhere to go, does the server let us in, and has what waits a reason to."""

import smtplib
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, func, select

from webapp import outbox
from webapp.config import Settings
from webapp.database import DbSession
from webapp.doctor.findings import Finding, fine, within, wrong
from webapp.doctor.places import is_near
from webapp.mail_route import MailRoute
from webapp.models import OutboxMail

PATIENCE: Final = 8.0  # seconds for all of it; no mail is sent
WAITS_AT_MOST: Final = timedelta(hours=1)


def examine_route(settings: Settings) -> Iterator[Finding]:
    route = settings.mail_route
    if route is None:
        message = "goes nowhere and waits in the database: set MAIL_URL=smtp://user:password@host:587?tls=starttls"
        yield wrong("mail-nowhere", message)
    elif route.folder is not None and settings.is_development:
        yield fine("mail", f"is written to {route.folder}, and sent to nobody")
    elif route.folder is not None:
        message = f"is written to {route.folder}, and sent to nobody: set MAIL_URL=smtp://user:password@host:587"
        yield wrong("mail-in-folder", message)
    else:
        yield from _examine_server(route)


def _examine_server(route: MailRoute) -> Iterator[Finding]:
    at = f"{route.host}:{route.port}"
    if route.tls == "off" and not is_near(route.host):
        yield wrong("mail-plain", f"goes to {at} in the clear: add ?tls=starttls to MAIL_URL")
    else:
        yield fine("mail", f"goes to {at}")
    try:
        within(PATIENCE, lambda: _knock(route))
    except (OSError, smtplib.SMTPException) as error:  # TimeoutError is an OSError
        yield _refusal(route, error)
    else:
        yield fine("mail", f"{at} answers and lets us in")


def _knock(route: MailRoute) -> None:
    """Greet the server, encrypt and sign in as the postman does, and say good-bye."""
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(route.host, route.port, timeout=PATIENCE, context=context)
        if route.tls == "on"
        else smtplib.SMTP(route.host, route.port, timeout=PATIENCE)
    ) as server:
        if route.tls == "starttls":
            server.starttls(context=context)
        if route.username:
            server.login(route.username, route.password)
        server.noop()


def _refusal(route: MailRoute, error: Exception) -> Finding:
    """The error's text stays out: servers repeat what they were told."""
    at = f"{route.host}:{route.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"the certificate of {at} is not good ({error.verify_message.rstrip('.')})"
        return wrong("mail-certificate", f"{message}: name the host in MAIL_URL as its certificate does, or renew that")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        message = f"{at} does not take our name and password ({error.smtp_code})"
        return wrong("mail-sign-in", f"{message}: correct them in MAIL_URL; write %40 for @ and %2F for / in them")
    if isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        message = f"{at} does not do tls={route.tls}, or not before a password"
        return wrong("mail-tls", f"{message}: port 465 wants ?tls=on, port 587 ?tls=starttls in MAIL_URL")
    message = f"{at} does not take mail ({type(error).__name__})"
    return wrong(
        "mail-unreachable", f"{message}: check host, port and tls= in MAIL_URL, and that the firewall lets out"
    )


def examine_outbox(db: DbSession, settings: Settings, *, now: datetime) -> Iterator[Finding]:
    failed, last = db.execute(select(func.count(), func.max(OutboxMail.id)).where(outbox.HAS_FAILED)).one()
    if failed:
        reason = db.scalar(select(OutboxMail.last_error).where(OutboxMail.id == last))
        message = f"{failed} could not be sent, the last because of {reason}"
        yield wrong(
            "mail-failed",
            f"{message}: mend that, then run flask --app wsgi mail retry, or mail discard for what is in vain",
        )
    # What somebody is sending is due when their lease is over.
    is_late = and_(~outbox.HAS_FAILED, OutboxMail.created_at < now - WAITS_AT_MOST, OutboxMail.next_attempt_at <= now)
    late, since = db.execute(select(func.count(), func.min(OutboxMail.created_at)).where(is_late)).one()
    if late and settings.mail_route:
        message = f"{late} wait since {since:%Y-%m-%d %H:%M} UTC, and nobody has tried to send them"
        yield wrong("mail-waiting", f"{message}: start the server again, or run flask --app wsgi mail send")
