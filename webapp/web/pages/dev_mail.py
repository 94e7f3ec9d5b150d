"""The development inbox at /dev/mail: what the product has mailed, without a mail server. Not there in production."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue

from webapp.web.context import settings

pages = Blueprint("dev_mail", __name__, url_prefix="/dev/mail")

MOST_LISTED: Final = 50
_NAME: Final = re.compile(r"[0-9]+-[A-Za-z0-9_]+", re.ASCII)


@pages.get("")
def index() -> ResponseReturnValue:
    folder = _folder()
    paths = sorted(folder.glob("*.eml"), reverse=True)[:MOST_LISTED] if folder else []
    return render_template(
        "dev/mail.html", folder=folder, mails=[(path.stem, _read(path)) for path in paths], sent_at=_sent_at
    )


@pages.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    message = _find(name)
    return render_template("dev/mail_one.html", name=name, mail=message, sent_at=_sent_at, text=_part(message, "plain"))


@pages.get("/<name>/html")
def show_html(name: str) -> ResponseReturnValue:
    """The HTML part as a mail program would show it: its own styles, and nothing else of ours or anybody's."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-top-navigation-by-user-activation"
    return Response(_part(_find(name), "html"), headers={"Content-Security-Policy": policy})


def _folder() -> Path | None:
    route = settings().mail_route
    return route.folder if route else None


def _find(name: str) -> EmailMessage:
    folder = _folder()
    path = folder / f"{name}.eml" if folder and _NAME.fullmatch(name) else None
    if path is None or not path.is_file():
        abort(404)
    return _read(path)


def _read(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _sent_at(message: EmailMessage) -> datetime:
    """Return when a mail was written: in UTC, which its "-0000" does not say to Python."""
    written: datetime = message["Date"].datetime
    return written.replace(tzinfo=UTC)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
