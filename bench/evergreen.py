"""Evergreen to be measured: a database with as many rows as asked for, sessions to ask with, and its server."""

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from flask_migrate import upgrade

from bench import desk_rows, loading
from bench.clients import EMAIL, PASSWORD, Tokens
from bench.measuring import Run
from bench.serving import Server, serve
from tests.support.databases import close_connections
from webapp import accounts, create_app, sessions, tokens
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.config import Settings
from webapp.database import db

SETTINGS: Final = {
    "APP_ENV": "production",
    "SECRET_KEY": "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_URL": "https://localhost",
    "RATELIMIT_ENABLED": "false",  # one client here stands for many
    "WEB_CONCURRENCY": "2",
}
GUNICORN: Final = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}")


@dataclass(frozen=True, slots=True)
class Evergreen:
    """A database that is ready: the demo user with sessions of their own among the others'."""

    database_url: str
    sessions: list[Tokens]
    renewing: list[Tokens]  # the same sessions, by access tokens near their end

    def serve(self, folder: Path, *, command: tuple[str, ...] = GUNICORN) -> AbstractContextManager[Server]:
        environment = {**SETTINGS, "DATABASE_URL": self.database_url}
        return serve([*command, "wsgi:app"], environment, folder=folder, probe="/readyz")

    def run(self, server: Server, act: str) -> Run:
        """Return a run of one of our calls, on as many connections as there are sessions."""
        return Run(f"Evergreen: {act}", server, "evergreen", act, self.renewing if act == "renewed" else self.sessions)


def prepare(database_url: str, *, rows: int, connections: int) -> Evergreen:
    """Fill an empty database with `rows` sessions of others and one for each connection."""
    settings = Settings(_env_file=None, database_url=database_url, **{k.lower(): v for k, v in SETTINGS.items()})
    app = create_app(settings)
    logging.disable(logging.WARNING)
    with app.app_context():
        upgrade()
        if rows:
            loading.seed(db.engine, desk_rows.sizes_of(rows), now=utc_now())
        pairs = list(_sign_in(settings, connections))
        db.session.remove()
        close_connections()
    return Evergreen(database_url, *map(list, zip(*pairs, strict=True)))


def _sign_in(settings: Settings, times: int) -> Iterator[tuple[Tokens, Tokens]]:
    now = utc_now()
    names = {"first_name": "John", "last_name": "Doe", "is_verified": True}
    user = accounts.create_user(
        db.session, email=EMAIL, password=PASSWORD, password_min_length=0, **names, client=COMMAND_LINE, now=now
    )
    for _ in range(times):
        pair = sessions.open_session(
            db.session, settings, user_id=user.id, transport="cookie", remember=True, client=COMMAND_LINE, now=now
        )
        near_end = tokens.mint_access(
            settings,
            user_id=user.id,
            sid=pair.session.sid,
            authenticated_at=now,
            rgen=None,
            now=now,
            expires_at=now + timedelta(hours=1),
        )
        refresh = pair.refresh_token or ""
        yield {"access": pair.access_token, "refresh": refresh}, {"access": near_end, "refresh": refresh}
