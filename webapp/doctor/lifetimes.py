"""Lifetimes that contradict each other, or cost more than they give."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from webapp.config import Settings
from webapp.doctor.findings import Finding, fine, wrong

LONGEST_ACCESS: Final = timedelta(days=7)
# Settings that say nothing while refresh is switched off.
_OF_REFRESH: Final = (
    "auto_refresh_threshold_minutes",
    "refresh_token_expire_days",
    "refresh_token_leeway_seconds",
    "refresh_token_rotate_hours",
    "refresh_token_transports",
)


def examine(settings: Settings) -> Iterator[Finding]:
    if settings.refresh_token_enabled:
        yield from _examine_access(settings)
        yield from _examine_refresh(settings)
        return
    message = f"refresh is off: sessions live {_hours(settings.session_max)}, as their access token does"
    yield fine("lifetimes", message)
    idle = [name.upper() for name in _OF_REFRESH if name in settings.model_fields_set]
    if idle:
        message = f"{', '.join(idle)}: without effect, since REFRESH_TOKEN_ENABLED=false"
        yield wrong("refresh-off", f"{message}: remove them, or set REFRESH_TOKEN_ENABLED=true")


def _examine_access(settings: Settings) -> Iterator[Finding]:
    threshold = settings.auto_refresh_threshold
    silent = f"renewed silently in the last {_hours(threshold)}" if threshold else "never renewed silently"
    message = f"access tokens live {_hours(settings.access_ttl)}, {silent}"
    yield fine("lifetimes", f"{message}; sessions live {_hours(settings.session_max)} at most")
    if settings.access_ttl > LONGEST_ACCESS:
        message = (
            f"ACCESS_TOKEN_EXPIRE_MINUTES is more than {LONGEST_ACCESS.days} days, and programs can read the token"
        )
        yield wrong("access-token-long", f"{message}: set 1440 or less, refreshing does the rest")
    if settings.access_ttl > settings.session_max:
        message = "ACCESS_TOKEN_EXPIRE_MINUTES is longer than SESSION_MAX_DAYS, which ends the token, too"
        yield wrong("access-token-cut", f"{message}: lower the one or raise the other")
    if threshold >= settings.access_ttl / 2:
        message = "AUTO_REFRESH_THRESHOLD_MINUTES is half of ACCESS_TOKEN_EXPIRE_MINUTES or more: most calls renew"
        yield wrong("threshold-wide", f"{message}; set a tenth of it")


def _examine_refresh(settings: Settings) -> Iterator[Finding]:
    if settings.refresh_ttl > settings.session_max:
        message = "REFRESH_TOKEN_EXPIRE_DAYS is longer than SESSION_MAX_DAYS, at which every session ends"
        yield wrong("idle-lifetime-cut", f"{message}: lower the one or raise the other")
    if settings.rotate_after >= settings.refresh_ttl < settings.session_max:
        message = "REFRESH_TOKEN_ROTATE_HOURS is REFRESH_TOKEN_EXPIRE_DAYS or longer"
        message += ": a Bearer refresh token ends before it has a successor, however often it is used"
        yield wrong("rotation-late", f"{message}; set 24")
    if not settings.refresh_leeway:
        message = "REFRESH_TOKEN_LEEWAY_SECONDS=0 takes a late request of the same client for theft"
        yield wrong("leeway-none", f"{message}: set 30")


def _hours(duration: timedelta) -> str:
    return f"{duration / timedelta(hours=1):g} hours"
