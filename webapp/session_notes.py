"""What is only noted of a session: when it was seen last, and that it was given new tokens. No answer depends on it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import or_, update

from webapp import metrics
from webapp.audit import Client
from webapp.database import OUTAGES, DbSession, delete_in_batches
from webapp.models import ACTIVITY_LENGTH, ADDRESS_LENGTH, AuthSession, SessionRefresh
from webapp.session_state import SessionState

log = logging.getLogger(__name__)

SEEN_EVERY: Final = timedelta(minutes=1)


def note_seen(db: DbSession, session: SessionState, *, client: Client, now: datetime) -> None:
    """Write down when and from where the session was last used, at most once a minute; commits if it writes."""
    if now - session.last_seen_at < SEEN_EVERY:
        return
    which = (AuthSession.id == session.sid, AuthSession.last_seen_at <= now - SEEN_EVERY)
    with only_noted(db):
        db.execute(update(AuthSession).where(*which).values(_seen(client, now)))
        db.commit()


def note_refresh(
    db: DbSession,
    session: SessionState,
    method: Literal["silent", "manual"],
    *,
    client: Client,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Count that the session is given new tokens, and write it down, at most once a minute; commits if it writes.

    `until` is the end of the refresh token among them: by then it may come back though nothing was heard of it, and
    the row says so, to a minute."""
    metrics.count_refresh(method)
    is_due = session.refreshed_at is None or now - session.refreshed_at >= SEEN_EVERY
    moved = {"refresh_expires_at": until} if until is not None and until > session.refresh_expires_at else {}
    # Due or not: what was given out a moment ago may have been an access token alone.
    is_far = until is not None and until - session.refresh_expires_at > SEEN_EVERY
    if not is_due and not is_far:
        return
    this, generation = AuthSession.id == session.sid, None
    with only_noted(db):
        if is_due:
            # Conditional: of many at once, one is written down.
            is_due_still = or_(AuthSession.refreshed_at.is_(None), AuthSession.refreshed_at <= now - SEEN_EVERY)
            generation = db.scalar(
                update(AuthSession)
                .where(this, is_due_still)
                .values({**_seen(client, now), "refreshed_at": now, **moved})
                .returning(AuthSession.generation)
                .execution_options(synchronize_session=False)
            )
        if generation is not None:
            db.add(SessionRefresh(session_id=session.sid, at=now, method=method, generation=generation))
        elif is_far:
            db.execute(update(AuthSession).where(this, AuthSession.refresh_expires_at < until).values(moved))
        db.commit()


def purge_refreshes(db: DbSession, *, before: datetime) -> int:
    """Delete what was written down of refreshes before an instant; commits. Return how many."""
    return delete_in_batches(db, SessionRefresh.id, SessionRefresh.at < before)


def _seen(client: Client, now: datetime) -> dict[str, Any]:
    return {
        "last_seen_at": now,
        "ip": client.address[:ADDRESS_LENGTH],
        "activity": client.activity[:ACTIVITY_LENGTH],
    }


@contextmanager
def only_noted(db: DbSession) -> Iterator[None]:
    """Let the database fail to write down what no answer depends on."""
    try:
        yield
    except OUTAGES as error:
        # A database that cannot be written to can still answer: what is only noted must not refuse the request.
        log.warning("not written down: %s", type(error).__name__)
        db.rollback()
