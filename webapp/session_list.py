"""The sessions of all users, the latest seen first: which are active, whose, from where; and what one has lived."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select

from webapp import audit
from webapp.config import Settings
from webapp.database import DbSession
from webapp.devices import is_active
from webapp.keyset import Order, Page, Position, read_all, read_page, row_by_row
from webapp.models import AuditEvent, AuthSession, SessionRefresh, User

ORDER: Final = Order(AuthSession.last_seen_at, AuthSession.id)
STATES: Final = ("active", "ended", "all")
MOST_REFRESHES: Final = 500  # of one session


@dataclass(frozen=True, slots=True)
class Listed:
    """A session, whose it is, and whether any token of it may still open something."""

    session: AuthSession
    email: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Something in the life of a session: new tokens, `silent` or `manual`, or `reuse`: an old one came back."""

    at: datetime
    kind: str
    generation: int | None


def find_sessions(
    db: DbSession,
    settings: Settings,
    *,
    state: str,
    user_id: int | None,
    ip: str,
    device: str,
    position: Position,
    size: int,
    now: datetime,
) -> Page[Listed]:
    """Return a page of sessions: `device` is part of a User-Agent header. Raises InvalidQuery for a foreign cursor."""
    active = is_active(settings, now=now)
    statement = select(ORDER.by, ORDER.among_equals, AuthSession, User.email, active.label("is_active"))
    statement = statement.join(User, User.id == AuthSession.user_id)
    if user_id is not None:
        statement = statement.where(AuthSession.user_id == user_id)
    if ip:
        statement = statement.where(AuthSession.ip == ip)
    sieve = [] if state == "all" else [active if state == "active" else ~active]
    if device:
        sieve.append(AuthSession.user_agent.icontains(device, autoescape=True))
    page = read_page(
        db,
        statement,
        ORDER,
        position,
        size=size,
        make=lambda row: Listed(row.AuthSession, row.email, bool(row.is_active)),
        sieve=and_(*sieve) if sieve else None,
    )
    if state == "active" and position.before is None and page.sieved_to and not _has_older(db, active, page.sieved_to):
        return Page(page.rows, page.before, None)
    return page


def read_active(db: DbSession, settings: Settings, *, user_id: int | None, now: datetime) -> Iterator[Listed]:
    """Yield the active sessions of a user, or of everybody, the latest seen first: all of them, see keyset.read_all."""
    which = {"state": "active", "user_id": user_id, "ip": "", "device": "", "now": now}

    def read(position: Position, size: int) -> Page[Listed]:
        return find_sessions(db, settings, **which, position=position, size=size)  # type: ignore[arg-type]

    return read_all(db, read)


def _has_older(db: DbSession, active: ColumnElement[bool], instant: datetime) -> bool:
    """Whether a session that was last seen before the instant is active: looked for among all that are active."""
    # Counted, for a planner that looks for the first one takes it to be near, and reads all that have ended.
    is_older = row_by_row(AuthSession.last_seen_at < instant)
    return bool(db.scalar(select(func.count()).select_from(AuthSession).where(active, is_older)))


def read_lives(db: DbSession, sids: Sequence[str]) -> dict[str, list[Moment]]:
    """Return what each of these sessions has lived through, the oldest first; the last 500 moments of each."""
    lives: dict[str, list[Moment]] = {sid: [] for sid in sids}
    for sid, life in lives.items():
        refreshes = (
            select(SessionRefresh.at, SessionRefresh.method, SessionRefresh.generation)
            .where(SessionRefresh.session_id == sid)
            .order_by(SessionRefresh.at.desc())
            .limit(MOST_REFRESHES)
        )
        alarms = select(AuditEvent.at).where(AuditEvent.session_id == sid, AuditEvent.kind == audit.Kind.REFRESH_REUSE)
        life += [Moment(at, method, generation) for at, method, generation in db.execute(refreshes)]
        life += [Moment(at, "reuse", None) for at in db.scalars(alarms)]
        life.sort(key=lambda moment: moment.at)
    return lives
