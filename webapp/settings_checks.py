"""What values the settings may have, alone and together. Each problem is named, never its value: it may be a secret."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from webapp.keys import key_problems
from webapp.origins import canonical_origin
from webapp.redis_client import check_address

if TYPE_CHECKING:
    from webapp.config import Settings

_BEARER_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{16,}=*", re.ASCII)  # RFC 6750 §2.1; others cannot be sent
_SERVICE: Final = r"\s*[A-Za-z0-9\-._~]+:[A-Za-z0-9\-._~]{32,}\s*"  # what no part of HTTP Basic need escape
_LONGEST_LABEL: Final = 63  # characters, of a host's name (RFC 1035 §2.3.4)
_SERVICES: Final = re.compile(rf"{_SERVICE}(,{_SERVICE})*", re.ASCII)


def problems(settings: "Settings") -> list[str]:
    """Return what is wrong, a sentence each, for people; an empty list if the product may start with these."""
    return [
        *_key_problems(settings),
        *_url_problems(settings),
        *_lifetime_problems(settings),
        *_token_problems(settings),
    ]


def _key_problems(settings: "Settings") -> list[str]:
    names = ["SECRET_KEY", *(f"SECRET_KEY_PREVIOUS: number {number}" for number in range(1, len(settings.secrets)))]
    is_production = settings.app_env == "production"
    found = [
        f"{name} {problem}"
        for name, key in zip(names, settings.secrets, strict=True)
        for problem in key_problems(key, is_production=is_production)
    ]
    if "," in settings.secrets[0] or settings.secrets[0] != settings.secrets[0].strip():
        # One day it will be in SECRET_KEY_PREVIOUS.
        found.append("SECRET_KEY must have no comma, and no blank at either end: lists of keys are parted by these")
    try:
        settings.key_pairs  # noqa: B018 - parsing is the check
    except ValueError as error:
        found.append(f"JWT_SIGNING_KEY {error}")
    return found


def _url_problems(settings: "Settings") -> list[str]:
    found = []
    if not settings.base_url or not _is_served(urlsplit(settings.base_url).hostname or ""):
        found.append("PUBLIC_URL must be scheme and host as people use them, no / after: https://accounts.example.com")
    elif not settings.is_https and settings.app_env == "production":
        found.append("PUBLIC_URL must be https in production")
    found += _database_problems(settings.database_url)
    if not _is_storage_uri(settings.ratelimit_storage_uri):
        found.append("RATELIMIT_STORAGE_URI must be memory:// or redis://host:port/number")
    elif not _is_taken_by_redis(settings.ratelimit_storage_uri):
        found.append("RATELIMIT_STORAGE_URI has something behind its ? that is no option of Redis, or no value of one")
    try:
        settings.mail_route  # noqa: B018 - parsing is the check
    except ValueError as error:
        found.append(f"MAIL_URL {error}")
    for number, origin in enumerate(settings.cors_origins, 1):
        if canonical_origin(origin) is None:
            found.append(f"CORS_ORIGINS: number {number} is no exact origin (scheme://host[:port], no path, no *)")
    return found


def _is_served(host: str) -> bool:
    """Whether requests to that host can be told from those to others: by a name, or an IPv4 address. Of one in brackets
    Werkzeug sees only the beginning, and of labels that no name has it sees an error at each request."""
    return all(0 < len(label) <= _LONGEST_LABEL for label in host.removesuffix(".").split(".")) and ":" not in host


def _lifetime_problems(settings: "Settings") -> list[str]:
    if settings.auto_refresh_threshold < settings.access_ttl or not settings.refresh_token_enabled:
        return []
    return ["AUTO_REFRESH_THRESHOLD_MINUTES must be less than ACCESS_TOKEN_EXPIRE_MINUTES"]


def _token_problems(settings: "Settings") -> list[str]:
    found = []
    token = settings.metrics_token.get_secret_value()
    if token and not _BEARER_TOKEN.fullmatch(token):
        found.append("METRICS_TOKEN must be at least 16 letters, digits and -._~+/ (RFC 6750)")
    clients = settings.introspection_clients.get_secret_value()
    if clients and not _SERVICES.fullmatch(clients):
        found.append("INTROSPECTION_CLIENTS must be name:secret, of letters, digits and -._~, 32 in each secret")
    return found


def _is_storage_uri(text: str) -> bool:
    try:
        urlsplit(text).port  # noqa: B018 - parsing is the check
    except ValueError:
        return False
    return re.fullmatch(r"memory://.*|rediss?://(?=.)[^/?]*(/\d*)?(\?.*)?|redis\+unix://.+", text) is not None


def _is_taken_by_redis(uri: str) -> bool:
    try:
        if not uri.startswith("memory"):
            check_address(uri)
    except Exception:
        # Whatever it is, the first request would meet it.
        return False
    return True


def _database_problems(text: str) -> list[str]:
    if not _is_database_url(text):
        return ["DATABASE_URL must be sqlite:///path or postgresql+psycopg://user:password@host/name"]
    url = make_url(text)
    if url.drivername == "sqlite":
        return ["DATABASE_URL takes nothing behind a ? where it is SQLite"] if url.query else []
    if "connect_timeout" in url.query:
        return ["DATABASE_URL takes no connect_timeout: it is 2 seconds"]
    if not _is_taken_by_postgresql(url):
        return ["DATABASE_URL has something behind its ? that is no option of PostgreSQL's connections"]
    return []


def _is_taken_by_postgresql(url: URL) -> bool:
    try:
        arguments, options = url.get_dialect()().create_connect_args(url)
        make_conninfo(*arguments, **options)
    except (ArgumentError, ProgrammingError):
        return False
    return True


def _is_database_url(text: str) -> bool:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return False
    is_file = url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    return is_file or (url.drivername == "postgresql+psycopg" and bool(url.database))
