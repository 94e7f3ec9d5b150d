"""What the doctor may find: each by a name that stays, as docs/operations.md lists them."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Final, Literal, NamedTuple, TypeVar

T = TypeVar("T")
Level = Literal["ok", "warn", "fail"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warn", "fail")


class Finding(NamedTuple):
    """One thing to say of an installation; `code` is its name in FINDABLE, or empty where nothing is to be mended."""

    level: Level
    code: str
    subject: str
    message: str


# "fail": something does not work, or lets somebody in. "warn": it works, and should not stay so.
FINDABLE: Final[dict[str, tuple[Level, str]]] = {
    "settings-wrong": ("fail", "settings"),
    "folder-missing": ("fail", "files"),
    "env-closed": ("fail", "files"),
    "setting-unknown": ("warn", "settings"),
    "development": ("warn", "settings"),
    "debug-on": ("fail", "settings"),
    "key-of-development": ("fail", "key"),
    "key-guessable": ("fail", "key"),
    "access-token-long": ("warn", "lifetimes"),
    "access-token-cut": ("warn", "lifetimes"),
    "idle-lifetime-cut": ("warn", "lifetimes"),
    "rotation-late": ("warn", "lifetimes"),
    "threshold-wide": ("warn", "lifetimes"),
    "leeway-none": ("warn", "lifetimes"),
    "refresh-off": ("warn", "lifetimes"),
    "public-url-local": ("fail", "network"),
    "tls-missing": ("warn", "network"),
    "proxy-unknown": ("warn", "network"),
    "proxy-avoidable": ("warn", "network"),
    "cors-plain": ("warn", "cors"),
    "cors-cookie-lost": ("warn", "cors"),
    "cors-own": ("warn", "cors"),
    "workers-many": ("warn", "workers"),
    "limits-off": ("warn", "limits"),
    "limits-per-worker": ("warn", "limits"),
    "redis-unreachable": ("fail", "limits"),
    "redis-plain": ("warn", "limits"),
    "redis-open": ("warn", "limits"),
    "file-readable": ("warn", "files"),
    "file-served": ("fail", "files"),
    "folder-closed": ("fail", "files"),
    "file-closed": ("fail", "files"),
    "file-owner": ("warn", "files"),
    "disk-full": ("warn", "files"),
    "mail-nowhere": ("fail", "mail"),
    "mail-in-folder": ("warn", "mail"),
    "mail-plain": ("warn", "mail"),
    "mail-unreachable": ("fail", "mail"),
    "mail-tls": ("fail", "mail"),
    "mail-certificate": ("fail", "mail"),
    "mail-sign-in": ("fail", "mail"),
    "mail-failed": ("warn", "mail"),
    "mail-waiting": ("warn", "mail"),
    "database-unreachable": ("fail", "database"),
    "database-damaged": ("fail", "database"),
    "migrations-behind": ("fail", "migrations"),
    "migrations-ahead": ("warn", "migrations"),
    "sqlite-version": ("warn", "database"),
    "sqlite-pragmas": ("fail", "database"),
    "sqlite-network": ("warn", "database"),
    "postgresql-version": ("warn", "database"),
    "postgresql-encoding": ("fail", "database"),
    "postgresql-isolation": ("fail", "database"),
    "postgresql-read-only": ("fail", "database"),
    "postgresql-rights": ("fail", "database"),
    "postgresql-superuser": ("warn", "database"),
    "postgresql-plain": ("warn", "database"),
    "postgresql-connections": ("warn", "database"),
    "clock-differs": ("warn", "clock"),
    "administrator-none": ("warn", "administrator"),
    "administrator-unverified": ("warn", "administrator"),
    "administrator-one-factor": ("warn", "administrator"),
    "demo-users": ("fail", "users"),
    "seeds-sealed": ("fail", "users"),
    "seeds-sealed-before": ("warn", "users"),
    "sessions-unpurged": ("warn", "housekeeping"),
    "events-unpurged": ("warn", "housekeeping"),
}


def fine(subject: str, message: str) -> Finding:
    return Finding("ok", "", subject, message)


def wrong(code: str, message: str) -> Finding:
    """Return the finding of that name; the message says what is wrong and how to mend it, and holds no secret."""
    level, subject = FINDABLE[code]
    return Finding(level, code, subject, message)


def within(seconds: float, probe: Callable[[], T]) -> T:
    """Return what `probe` returns, or raise what it raises, or TimeoutError if it takes longer and is left to itself.

    Timeouts of libraries hold for each step and not for looking names up: this one holds for all of it."""
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(probe())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=work, daemon=True).start()
    return answer.result(seconds)
