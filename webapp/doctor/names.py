"""Names of settings that nothing reads: a misspelt one has no effect, and nobody is told at start."""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from webapp.config import Settings
from webapp.doctor.findings import Finding, wrong

# What other products call it; people write that out of habit.
_MEANT: Final = {
    "FLASK_ENV": "APP_ENV",
    "FLASK_SECRET_KEY": "SECRET_KEY",
    "JWT_SECRET_KEY": "SECRET_KEY",
    "JWT_ACCESS_TOKEN_EXPIRES": "ACCESS_TOKEN_EXPIRE_MINUTES",
    "JWT_REFRESH_TOKEN_EXPIRES": "REFRESH_TOKEN_EXPIRE_DAYS",
    "SQLALCHEMY_DATABASE_URI": "DATABASE_URL",
    "MAIL_SERVER": "MAIL_URL",
    "SERVER_NAME": "PUBLIC_URL",
    "REDIS_URL": "RATELIMIT_STORAGE_URI",
    "WORKERS": "WEB_CONCURRENCY",
}
# A .env is often shared with what stands beside the product.
_OF_OTHERS: Final = ("FLASK_", "GUNICORN_", "PROMETHEUS_", "PYTHON", "POSTGRES_", "PG", "COMPOSE_", "LC_", "LANG", "TZ")
_LIKENESS: Final = 0.8


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Name what stands in `.env` and is read by nothing, and what the environment has that is spelt almost right."""
    known = {name.upper() for name in Settings.model_fields}
    path = env_file()
    written = _unread(dotenv_values(path, interpolate=False) if path else (), known)
    for name in written:
        meant = _meant(name, known)
        if meant or not name.startswith(_OF_OTHERS):
            remedy = f"write {meant}" if meant else "remove it, or see README.md for the names of the settings"
            yield wrong("setting-unknown", f"{name} in {path} is read by nothing: {remedy}")
    # flask puts what stands in .env into the environment, too.
    for name in _unread(environment, known):
        nearest = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
        if nearest and name not in written and not name.startswith(_OF_OTHERS):
            yield wrong("setting-unknown", f"{name} in the environment is read by nothing: write {nearest[0]}")


def env_file() -> Path | None:
    """Return the path of the `.env` that settings are read from, if there is one."""
    named = Settings.model_config.get("env_file")
    path = Path(named) if isinstance(named, str | Path) else None
    return path if path and os.path.isfile(path) and os.access(path, os.R_OK, effective_ids=True) else None


def _unread(names: Iterable[str], known: set[str]) -> list[str]:
    return sorted(name.upper() for name in names if name.upper() not in known)


def _meant(name: str, known: set[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    return _MEANT.get(name) or (nearest[0] if nearest else "")
