"""Examining an installation: what is wrong, and what mends it. Nothing is changed, and nothing waits for long."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from webapp.config import ROOT, ConfigError, Settings
from webapp.database import DbSession
from webapp.doctor import accounts, database, files, housekeeping, lifetimes, limits, mail, names, network, settings
from webapp.doctor.findings import LEVELS, Finding, wrong

__all__ = ["Finding", "examine", "examine_failed_start"]


def examine(db: DbSession, options: Settings, *, environment: Mapping[str, str], now: datetime) -> list[Finding]:
    """Return what there is to say of each part, what matters most last; `environment` is the process's."""
    with ThreadPoolExecutor() as pool:
        # At once, since each of them may keep us waiting.
        of_limits = pool.submit(lambda: list(limits.examine(options)))
        of_mail = pool.submit(lambda: list(mail.examine_route(options)))
        of_database = list(database.examine(db, options))
    found = [
        *settings.examine(options, environment),
        *names.examine(environment),
        *lifetimes.examine(options),
        *network.examine(options, environment),
        *of_limits.result(),
        *files.examine(options),
        *of_mail.result(),
        *of_database,
    ]
    # The tables can be read if they are the ones of this code, or of the release after it.
    if any(finding.level != "fail" and finding.subject == "migrations" for finding in found):
        found += database.explained(_examine_tables(db, options, now), options)
    return _ordered(found)


def _examine_tables(db: DbSession, options: Settings, now: datetime) -> Iterator[Finding]:
    yield from mail.examine_outbox(db, options, now=now)
    yield from accounts.examine(db, options)
    yield from housekeeping.examine(db, now=now)


def examine_failed_start(error: ConfigError | OSError, *, environment: Mapping[str, str]) -> list[Finding]:
    """Return what can be said where the settings, or a folder that cannot be made, let nothing start."""
    if isinstance(error, OSError) and error.filename == str(ROOT / ".env"):
        message = f"{error.filename} cannot be read ({error.strerror})"
        found = [wrong("env-closed", f"{message}: chgrp it to the group of the user who serves, and chmod 640 it")]
    elif isinstance(error, OSError):
        message = f"{error.filename} cannot be made or read ({error.strerror})"
        found = [wrong("folder-missing", f"{message}: make its folder, chown it to the user who serves, chmod 700 it")]
    else:
        found = [wrong("settings-wrong", line) for line in str(error).splitlines()]
    return _ordered([*names.examine(environment), *files.examine_secrets(), *found])


def _ordered(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))
