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
# What gunicorn and gunicorn.conf.py look for before there are settings.
_OF_THE_ENVIRONMENT: Final = ("GUNICORN_", "PROMETHEUS_MULTIPROC_DIR")
_LIKENESS: Final = 0.8


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Name what stands in `.env` and is read by nothing, and what the environment has that is spelt almost right."""
    known = {name.upper() for name in Settings.model_fields}
    written = _unread(read_env_file(), known)
    for name in written:
        if remedy := _remedy(name, known):
            yield wrong("setting-unknown", f"{name} in {env_file()} is read by nothing: {remedy}")
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


def read_env_file() -> dict[str, str | None]:
    """Return what stands in that `.env`, as flask puts it into the environment; nothing if that cannot be read."""
    path = env_file()
    try:
        return dotenv_values(path) if path else {}
    except (UnicodeError, OSError):
        return {}  # nothing starts then, and the doctor says why


def _unread(names: Iterable[str], known: set[str]) -> list[str]:
    return sorted(name.upper() for name in names if name.upper() not in known)


def _remedy(name: str, known: set[str]) -> str:
    """Return what mends a name in `.env` that no setting has, or "" if it may be there for something else."""
    if name.startswith(_OF_THE_ENVIRONMENT):
        return "gunicorn reads the environment only, say it in the unit's Environment=, or on the command line"
    nearest = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    if meant := _MEANT.get(name) or (nearest[0] if nearest else ""):
        return f"write {meant}"
    return "" if name.startswith(_OF_OTHERS) else "remove it, or see README.md for the names of the settings"
