"""Every page of the administrators' desk in the variants that cost differently, as addresses."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import select

from bench import desk_rows
from bench.desk_rows import Sizes
from webapp.database import DbSession
from webapp.event_list import ORDER as BY_TIME
from webapp.keyset import Order, cursor_of
from webapp.models import AuditEvent
from webapp.session_list import ORDER as BY_LAST_SEEN
from webapp.user_list import ORDERS

USER_STATES = ("active", "deactivated", "unverified", "administrator", "two-step", "locked")


class Page(NamedTuple):
    """What the table calls it, and where it is."""

    name: str
    path: str


def pages(db: DbSession, sizes: Sizes, *, now: datetime) -> list[Page]:
    """Return the pages; those deep in a list begin where three quarters of its rows are above them."""
    lists = (*_users(db, sizes), *_sessions(db, sizes, now), *_events(db, sizes, now))
    single = (
        Page("overview", "/admin"),
        Page("user", f"/admin/users/{sizes.users // 3}"),
        Page("user, heavy", f"/admin/users/{sizes.heavy_user_id}"),
    )
    return [*single, *lists]


def downloads() -> list[Page]:
    """Return the lists as CSV."""
    return [Page(f"{name}.csv", f"/admin/{name}.csv?{query}") for name, query in _DOWNLOADS]


_DOWNLOADS = (("users", ""), ("sessions", "state=all"), ("events", ""))


def _page(of: str, name: str, **query: Any) -> Page:
    return Page(f"{of}: {name}", f"/admin/{of}?{urlencode(query)}" if query else f"/admin/{of}")


def _users(db: DbSession, sizes: Sizes) -> Iterator[Page]:
    yield _page("users", "all")
    for state in USER_STATES:
        yield _page("users", state, state=state)
        yield _page("users", f"{state}, by address", state=state, sort="address")
    for sort, order in ORDERS.items():
        yield _page("users", sort, sort=sort)
        yield _page("users", f"{sort}, deep", sort=sort, after=_deep_user(db, sizes, order))
    yield _page("users", "one address", q=f"user{sizes.users // 3:07}@")
    yield _page("users", "common word", q="example7.com")
    yield _page("users", "two words", q="first7 last77")
    yield _page("users", "no match", q="nobody-at-all")
    yield _page("users", "no match, by address", q="nobody-at-all", sort="address")


def _sessions(db: DbSession, sizes: Sizes, now: datetime) -> Iterator[Page]:
    last_active = _instant_cursor(BY_LAST_SEEN, now - timedelta(days=desk_rows.SESSION_DAYS - 2))
    for state in ("active", "ended", "all"):
        deep = last_active if state == "active" else _instant_cursor(BY_LAST_SEEN, now - timedelta(days=250))
        yield _page("sessions", state, state=state)
        yield _page("sessions", f"{state}, deep", state=state, after=deep)
        yield _page("sessions", f"{state}, upwards from deep", state=state, before=deep)
        yield _page("sessions", f"{state}, user", state=state, user=f"#{sizes.users // 3}")
        yield _page("sessions", f"{state}, heavy user", state=state, user=f"#{sizes.heavy_user_id}")
        yield _page("sessions", f"{state}, common ip", state=state, ip=desk_rows.COMMON_IP)
        yield _page("sessions", f"{state}, rare ip", state=state, ip=desk_rows.RARE_IP)
        yield _page("sessions", f"{state}, absent ip", state=state, ip="192.0.2.1")
        yield _page("sessions", f"{state}, common device", state=state, device="Firefox")
        yield _page("sessions", f"{state}, rare device", state=state, device=desk_rows.RARE_DEVICE)
        yield _page("sessions", f"{state}, absent device", state=state, device="Nothing/9")
    yield _page("sessions", "active, the last ones", after=_instant_cursor(BY_LAST_SEEN, _oldest_active(now)))
    yield _page("sessions", "all, heavy user, deep", state="all", user=f"#{sizes.heavy_user_id}", after=deep)
    yield _page(
        "sessions", "heavy user at the common ip", state="all", user=f"#{sizes.heavy_user_id}", ip=desk_rows.COMMON_IP
    )


def _events(db: DbSession, sizes: Sizes, now: datetime) -> Iterator[Page]:
    heavy, user = f"#{sizes.heavy_user_id}", f"#{sizes.users // 3}"
    deep = _instant_cursor(BY_TIME, now - timedelta(days=250))
    day, earlier = (now - timedelta(days=200)).date(), (now - timedelta(days=203)).date()
    filters: dict[str, dict[str, Any]] = {
        "all": {},
        "common kind": {"kind": "sign_in"},
        "rare kind": {"kind": desk_rows.RARE_KIND},
        "absent kind": {"kind": desk_rows.ABSENT_KIND},
        "user": {"user": user},
        "heavy user": {"user": heavy},
        "nobody": {"user": "nobody@nowhere.example"},
        "actor": {"actor": user},
        "heavy actor": {"actor": heavy},
        "common ip": {"ip": desk_rows.COMMON_IP},
        "rare ip": {"ip": desk_rows.RARE_IP},
        "absent ip": {"ip": "192.0.2.1"},
        "session": {"session": _a_session(db)},
        "since": {"since": earlier},
        "until": {"until": day},
        "some days": {"since": earlier, "until": day},
        "days before all": {"until": "2001-01-01"},
        "common kind on some days": {"kind": "sign_in", "since": earlier, "until": day},
        "heavy user, rare kind": {"user": heavy, "kind": desk_rows.RARE_KIND},
        "common kind, rare ip": {"kind": "sign_in", "ip": desk_rows.RARE_IP},
        "rare kind, common ip": {"kind": desk_rows.RARE_KIND, "ip": desk_rows.COMMON_IP},
        "heavy user, common kind, common ip": {"user": heavy, "kind": "sign_in", "ip": desk_rows.COMMON_IP},
        "user and other actor": {"user": heavy, "actor": user},
    }
    for name, query in filters.items():
        yield _page("events", name, **query)
    for name in ("all", "common kind", "heavy user", "heavy actor", "common ip"):
        yield _page("events", f"{name}, deep", **filters[name], after=deep)
        yield _page("events", f"{name}, upwards from deep", **filters[name], before=deep)


# --- cursors ---------------------------------------------------------------------------------------------


def _deep_user(db: DbSession, sizes: Sizes, order: Order) -> str:
    from_the_top = sizes.users // 4 if order.descending else sizes.users * 3 // 4
    columns = select(order.by, order.among_equals).where(order.among_equals == from_the_top)
    return cursor_of(db.execute(columns).one())


def _instant_cursor(order: Order, at: datetime) -> str:
    smallest = "" if order is BY_LAST_SEEN else 0
    return cursor_of((at, smallest))


def _oldest_active(now: datetime) -> datetime:
    return now - timedelta(days=desk_rows.SESSION_DAYS) + timedelta(hours=1)


def _a_session(db: DbSession) -> str:
    return str(db.scalar(select(AuditEvent.session_id).where(AuditEvent.session_id.is_not(None)).limit(1)))
