"""Examining an installation: what is wrong, and what mends it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from webapp import outbox
from webapp.config import ROOT, Settings
from webapp.database import OUTAGES, DbSession
from webapp.models import User

# SQLite's WAL-reset bug may corrupt a file with several writers in these versions (sqlite.org/wal.html).
WAL_BUG_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


class Finding(NamedTuple):
    level: Literal["ok", "warn", "fail"]
    subject: str
    message: str


def examine(db: DbSession, settings: Settings) -> list[Finding]:
    """Return what there is to say of each part; nothing is changed."""
    return [
        *_examine_settings(settings),
        *_examine_limits(settings),
        *_examine_mail_route(settings),
        *_examine_database(db, settings),
    ]


def _examine_settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", "settings", f"APP_ENV={settings.app_env}, served as {settings.base_url}")
    if settings.is_development:
        yield Finding("warn", "settings", "development: set APP_ENV=production before others use this server")
    attributes = "__Host-, Secure" if settings.is_https else "not Secure, since PUBLIC_URL is http"
    yield Finding("ok", "cookies", f"HttpOnly, SameSite=Lax, {attributes}")
    origins = ", ".join(settings.cors_origins) or ("localhost, any port" if settings.is_development else "none")
    yield Finding("ok", "cors", f"front ends of other origins that may call the API: {origins}")


def _examine_limits(settings: Settings) -> Iterator[Finding]:
    if not settings.ratelimit_enabled:
        yield Finding("warn", "limits", "off: set RATELIMIT_ENABLED=true, or passwords can be guessed freely")
    elif settings.ratelimit_storage_uri.startswith("memory") and settings.web_concurrency > 1:
        message = "limits per address count in each worker: set RATELIMIT_STORAGE_URI=redis://… for one count"
        yield Finding("warn", "limits", message)
    else:
        yield Finding("ok", "limits", "on")


def _examine_mail_route(settings: Settings) -> Iterator[Finding]:
    route = settings.mail_route
    if route is None:
        message = "goes nowhere and waits in the database: set MAIL_URL=smtp://user:password@host:587?tls=starttls"
        yield Finding("fail", "mail", message)
    elif route.folder is not None:
        level: Literal["ok", "warn"] = "ok" if settings.is_development else "warn"
        yield Finding(level, "mail", f"is written to {route.folder}, and sent to nobody")
    elif route.tls == "off" and route.host not in ("localhost", "127.0.0.1", "::1"):
        yield Finding("warn", "mail", f"goes to {route.host}:{route.port} in the clear: add ?tls=starttls to MAIL_URL")
    else:
        yield Finding("ok", "mail", f"goes to {route.host}:{route.port}")


def _examine_outbox(db: DbSession) -> Iterator[Finding]:
    rows = outbox.waiting(db, limit=1000)
    failed = [row for row in rows if row.failed_at or row.last_error]
    if failed:
        message = f"{len(failed)} could not be sent, the last because of {failed[-1].last_error}"
        yield Finding("warn", "mail", f"{message}: mend that, then run flask --app wsgi mail retry")


def _examine_database(db: DbSession, settings: Settings) -> Iterator[Finding]:
    try:
        current = MigrationContext.configure(db.connection()).get_current_revision()
    except OUTAGES:
        yield Finding("fail", "database", "cannot be reached: check DATABASE_URL and that the server runs")
        return
    yield Finding("ok", "database", f"{db.get_bind().dialect.name} answers")
    yield from _examine_sqlite(settings)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    if current != newest:
        message = f"at {current or 'nothing'}, the code needs {newest}: run flask --app wsgi db upgrade"
        yield Finding("fail", "migrations", message)
        return
    yield Finding("ok", "migrations", f"at {newest}, the newest")
    yield from _examine_outbox(db)
    if db.scalar(select(User.id).where(User.is_admin).limit(1)) is None:
        message = "there is none: run flask --app wsgi users create EMAIL --admin --verified"
        yield Finding("warn", "administrator", message)


def _examine_sqlite(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url.startswith("sqlite"):
        return
    version = sqlite3.sqlite_version_info
    is_fixed = any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_BUG_FIXED)
    if not is_fixed and version < WAL_BUG_FIXED[-1]:
        message = f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: use 3.51.3 or newer, or PostgreSQL"
        yield Finding("warn", "database", message)
    path = ROOT / settings.database_url.removeprefix("sqlite:///")
    if path.exists() and _is_open_to_others(path):
        yield Finding("warn", "database", f"{path} can be read by others: chmod 700 {path.parent}")


def _is_open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077) and bool(path.parent.stat().st_mode & 0o077)
