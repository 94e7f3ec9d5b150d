"""MAIL_URL: where mail goes, as one address like those of databases."""

from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

Tls = Literal["off", "starttls", "on"]
_PORTS: Final[dict[str, int]] = {"off": 25, "starttls": 587, "on": 465}


class MailRoute(NamedTuple):
    """A folder, or an SMTP server and how to speak to it; `sender` is an address, or empty for the default one."""

    folder: Path | None
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = ""
    tls: Tls = "off"
    sender: str = ""


def parse_mail_url(url: str) -> MailRoute | None:
    """Return what the address says, or None for an empty one. Raises ValueError with what is wrong, never the value."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no address: smtp://user:password@host:587?tls=starttls or file:///folder") from None
    query = parse_qs(parts.query, keep_blank_values=True)
    if set(query) - {"tls", "from"} or any(len(values) > 1 for values in query.values()):
        raise ValueError("takes tls= and from= after the ?, each once, and nothing else")
    sender = _sender(query.get("from", [""])[0])
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("must name a folder by its full path: file:///folder")
        return MailRoute(folder=Path(unquote(parts.path)), sender=sender)
    if parts.scheme != "smtp" or not parts.hostname:
        raise ValueError("must begin with smtp://host or file:///")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    _check_whole(parts)
    _check_encodable(parts.hostname, username, password)
    # Whoever sends a password means to keep it: in the clear only if that is asked for.
    tls = query.get("tls", ["starttls" if username else "off"])[0]
    if tls not in _PORTS:
        raise ValueError("takes tls=off, tls=starttls or tls=on")
    return MailRoute(None, parts.hostname, port or _PORTS[tls], username, password, tls, sender)  # type: ignore[arg-type]


def _sender(address: str) -> str:
    """Return the address as a header can have it: of letters outside ASCII none can be made. "" if there is none."""
    if not address:
        return ""
    try:
        parsed = validate_email(address, allow_smtputf8=False, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError("has no e-mail address as from=") from None
    return f"{parsed.local_part}@{parsed.ascii_domain}"


def _check_whole(parts: SplitResult) -> None:
    """Raise ValueError if something follows the host: perhaps it is only the user, and its port begins a password."""
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError("has something after the host: / and # in a password are written %2F and %23")


def _check_encodable(host: str, username: str, password: str) -> None:
    """Raise ValueError for what cannot be sent: smtplib would fail at each mail, as if something were wrong with it."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("names a host that no network has: each part of it has 1 to 63 characters") from None
    if not (username + password).isascii():
        raise ValueError("must have a user and a password of ASCII characters: smtplib sends no others")
