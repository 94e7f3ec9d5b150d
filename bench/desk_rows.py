"""Rows for the administrators' desk: users, sessions, refreshes and events as years of use leave them.

The same numbers give the same rows on both databases. Instants are text in UTC, which both take as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any, Final, NamedTuple

from webapp.audit import Kind

SEED: Final = 20260701
DAYS: Final = 400
SESSION_DAYS: Final = 30
REFRESH_DAYS: Final = 30  # older ones are purged
COMMON_IP: Final = "198.51.100.7"  # two of a hundred rows
RARE_IP: Final = "203.0.113.9"  # three rows, none of them new
RARE_DEVICE: Final = "Rarely/1.0"  # likewise
ABSENT_KIND: Final = Kind.EVENTS_PURGED
RARE_KIND: Final = Kind.REFRESH_REUSE

# How many of ten thousand events are of that kind.
_KINDS: Final[dict[str, float]] = {
    Kind.SIGN_IN: 4800,
    Kind.SIGN_IN_FAILED: 2100,
    Kind.SESSION_REVOKED: 1300,
    Kind.REAUTHENTICATED: 500,
    Kind.REGISTERED: 350,
    Kind.EMAIL_VERIFIED: 320,
    Kind.RESET_REQUESTED: 200,
    Kind.PROFILE_CHANGED: 150,
    Kind.PASSWORD_RESET: 120,
    Kind.PASSWORD_CHANGED: 70,
    Kind.CODE_FAILED: 60,
    Kind.TOTP_ENABLED: 20,
    Kind.PASSKEY_ADDED: 8,
    Kind.ACCOUNT_DELETED: 1,
    Kind.USER_DEACTIVATED: 0.5,
    RARE_KIND: 0.5,
}
_OF_SESSIONS: Final = (Kind.SIGN_IN, Kind.SESSION_REVOKED, RARE_KIND)
_BY_NOBODY: Final = (Kind.SIGN_IN_FAILED, Kind.CODE_FAILED, Kind.RESET_REQUESTED, RARE_KIND)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows; a two-hundredth of the sessions and a fiftieth of the events belong to one heavy user."""

    sessions: int
    events: int
    refreshes: int
    users: int

    @property
    def heavy_user_id(self) -> int:
        return self.users // 2


class Table(NamedTuple):
    """Rows for the named columns of a table."""

    name: str
    columns: str
    rows: Iterator[tuple[Any, ...]]


def sizes_of(rows: int) -> Sizes:
    """Return what belongs to so many sessions and as many events."""
    return Sizes(sessions=rows, events=rows, refreshes=rows, users=rows // 10)


def tables(sizes: Sizes, *, now: datetime) -> Iterator[Table]:
    """Yield what fills empty tables, to be taken in this order: the first user gets the number 1."""
    rng = Random(SEED)  # noqa: S311 - nothing here is a secret
    sids = [rng.randbytes(11).hex() for _ in range(sizes.sessions)]
    yield Table("users", _USERS, _users(rng, sizes, now))
    yield Table("auth_sessions", _SESSIONS, _sessions(rng, sizes, sids, now))
    yield Table("session_refreshes", _REFRESHES, _refreshes(rng, sizes, sids, now))
    yield Table("audit_events", _EVENTS, _events(rng, sizes, sids, now))


_USERS: Final = (
    "email, email_key, password_hash, first_name, last_name, email_verified, is_admin, is_active, created_at, "
    "failed_sign_ins, totp_enabled_at"
)
_SESSIONS: Final = (
    "id, user_id, transport, remember, generation, confirmed_at, created_at, authenticated_at, last_seen_at, "
    "refresh_expires_at, expires_at, revoked_at, revoked_reason, user_agent, ip, activity"
)
_REFRESHES: Final = "session_id, at, method, generation"
_EVENTS: Final = "at, kind, user_id, actor_id, session_id, account_key, ip, user_agent, request_id, detail"


def _instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f")


def _ages(count: int, days: float) -> Iterator[timedelta]:
    """Yield how long ago each row came to be, the oldest first, evenly but denser towards now: use grows."""
    for number in range(count, 0, -1):
        yield timedelta(days=days * (number / count) ** 1.4)


def _rare(count: int) -> set[int]:
    return {count // 10, count // 4, count // 2}


def _users(rng: Random, sizes: Sizes, now: datetime) -> Iterator[tuple[Any, ...]]:
    for number, age in enumerate(_ages(sizes.users, DAYS), 1):
        address = f"user{number:07}@example{number % 50}.com"
        names = (f"First{rng.randrange(1000)}", f"Last{rng.randrange(5000)}")
        flags = (rng.random() > 0.08, number % (sizes.users // 3) == 7, rng.random() > 0.01)
        created_at = now - age
        totp = _instant(created_at + age / 2) if rng.random() < 0.05 else None
        failures = 100 if number % (sizes.users // 4) == 9 else 0
        yield (address, address, "!", *names, *flags, _instant(created_at), failures, totp)


def _owner(rng: Random, sizes: Sizes, heavy_share: float) -> int:
    if rng.random() < heavy_share:
        return sizes.heavy_user_id
    return 1 + int(sizes.users * rng.random() ** 1.3)


def _ip(rng: Random, number: int, rare: set[int]) -> str:
    if number in rare:
        return RARE_IP
    if rng.random() < 0.02:
        return COMMON_IP
    return f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}"


def _agents(rng: Random) -> tuple[list[str], list[float]]:
    """Return two thousand User-Agent headers and their cumulative weights: few are frequent, many are rare."""
    systems = (
        "X11; Linux x86_64",
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 14.6",
        "Android 15; Mobile",
    )
    agents = [
        f"Mozilla/5.0 ({systems[number % 4]}; rv:{number // 4}.0) Gecko/20100101 Firefox/{number // 4}.0"
        for number in range(2000)
    ]
    rng.shuffle(agents)
    return agents, list(accumulate(1 / rank for rank in range(1, len(agents) + 1)))


def _sessions(rng: Random, sizes: Sizes, sids: list[str], now: datetime) -> Iterator[tuple[Any, ...]]:
    agents, weights = _agents(rng)
    rare, life = _rare(sizes.sessions), timedelta(days=SESSION_DAYS)
    for number, (sid, age) in enumerate(zip(sids, _ages(sizes.sessions, DAYS), strict=True)):
        created_at = now - age
        seen_for = min(life, timedelta(days=rng.expovariate(1 / 8)))
        if seen_for > age:  # not given up yet, and so seen lately
            seen_for = age * rng.random() ** 0.05
        last_seen_at = _instant(created_at + seen_for)
        is_revoked = rng.random() < 0.35
        created, expires = _instant(created_at), _instant(created_at + life)
        agent = RARE_DEVICE if number in rare else rng.choices(agents, cum_weights=weights)[0]
        transport = "body" if rng.random() < 0.3 else "cookie"
        ended = (last_seen_at, "signed_out") if is_revoked else (None, None)
        whose = (sid, _owner(rng, sizes, 1 / 200), transport, True, 1)
        times = (created, created, created, last_seen_at, expires, expires)
        yield (*whose, *times, *ended, agent, _ip(rng, number, rare), "GET /account")


def _refreshes(rng: Random, sizes: Sizes, sids: list[str], now: datetime) -> Iterator[tuple[Any, ...]]:
    first = int(len(sids) * 0.7)  # of sessions that were alive in the last weeks
    for number, age in enumerate(_ages(sizes.refreshes, REFRESH_DAYS)):
        sid = sids[-1] if number % (sizes.refreshes // 600 + 1) == 0 else sids[rng.randrange(first, len(sids))]
        yield (sid, _instant(now - age), "manual" if rng.random() < 0.3 else "silent", 1)


def _events(rng: Random, sizes: Sizes, sids: list[str], now: datetime) -> Iterator[tuple[Any, ...]]:
    agents, agent_weights = _agents(rng)
    kinds, kind_weights = list(_KINDS), list(accumulate(_KINDS.values()))
    rare = _rare(sizes.events)
    for number, age in enumerate(_ages(sizes.events, DAYS)):
        kind = rng.choices(kinds, cum_weights=kind_weights)[0]
        user_id = _owner(rng, sizes, 1 / 50)
        actor_id = None if kind in _BY_NOBODY else user_id
        sid = sids[rng.randrange(len(sids))] if kind in _OF_SESSIONS else None
        account_key = f"{user_id:064x}" if kind in _BY_NOBODY else None
        agent = rng.choices(agents, cum_weights=agent_weights)[0]
        request_id = f"{number:016x}"
        whose = (_instant(now - age), kind, user_id, actor_id, sid, account_key)
        yield (*whose, _ip(rng, number, rare), agent, request_id, "{}")
