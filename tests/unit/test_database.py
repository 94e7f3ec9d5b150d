"""The database, whichever it is: instants keep their zone, and rows that belong together stay together."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, func, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import ORMExecuteState

from tests.support import people
from tests.support.meanwhile import elsewhere
from webapp.clock import utc_now
from webapp.database import UtcDateTime, db, delete_in_batches
from webapp.models import AuditEvent, AuthSession

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)


def store(at: datetime) -> datetime:
    """Return what the database gives back for `at`."""
    event_ = AuditEvent(at=at, kind="x")
    db.session.add(event_)
    db.session.commit()
    db.session.expire_all()
    return db.session.scalars(select(AuditEvent.at).where(AuditEvent.id == event_.id)).one()


# --- instants --------------------------------------------------------------------------------------------


def test_a_naive_datetime_is_refused(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(StatementError, match="naive"):
            store(NOON.replace(tzinfo=None))
        db.session.rollback()


def test_an_instant_comes_back_the_same_aware_and_in_utc(app: Flask) -> None:
    with app.app_context():
        for zone in (UTC, timezone(timedelta(hours=-9)), timezone(timedelta(hours=5, minutes=45))):
            stored = store(NOON.astimezone(zone))
            assert stored == NOON
            assert stored.tzinfo is UTC


def test_instants_are_compared_as_instants_whatever_their_zone(app: Flask) -> None:
    with app.app_context():
        store(NOON)
        later_by_the_wall = (NOON - timedelta(seconds=1)).astimezone(timezone(timedelta(hours=9)))
        count = select(AuditEvent.id).where(AuditEvent.at <= later_by_the_wall)
        assert db.session.scalars(count).all() == []


def test_no_instant_stays_none(app: Flask) -> None:
    user_id = people.create_user(app)
    with app.app_context():
        db.session.add(a_session(user_id))
        db.session.commit()
        assert db.session.scalars(select(AuthSession.revoked_at)).one() is None


@pytest.mark.parametrize(
    ("stored", "instant"),
    [
        ("2026-11-30 12:00:00.250000", datetime(2026, 11, 30, 12, 0, 0, 250_000, UTC)),
        ("2026-11-30 12:00:00", datetime(2026, 11, 30, 12, tzinfo=UTC)),
        ("2026-11-30", datetime(2026, 11, 30, tzinfo=UTC)),
        ("2026-11-30 12:00:00+02:00", datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("2026-11-30T12:00:00Z", datetime(2026, 11, 30, 12, tzinfo=UTC)),
    ],
)
def test_what_others_write_into_sqlite_is_an_instant_in_utc_too(stored: str, instant: datetime) -> None:
    """An operator by hand, or an import."""
    read: Any = UtcDateTime().result_processor(sqlite.dialect(), None)
    assert read(stored) == instant
    assert read(stored).tzinfo is UTC


def a_session(user_id: int) -> AuthSession:
    instants = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at", "refresh_expires_at", "expires_at")
    fields = dict.fromkeys(instants, utc_now())
    return AuthSession(id="x" * 22, user_id=user_id, transport="body", remember=True, **fields)


# --- constraints -----------------------------------------------------------------------------------------


def test_a_session_without_a_user_cannot_be_stored(app: Flask) -> None:
    """Foreign keys hold on SQLite too, where they are off unless asked for."""
    with app.app_context():
        db.session.add(a_session(user_id=4711))
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()


def test_the_sessions_of_a_deleted_user_go_with_them_and_their_id_is_never_given_out_again(app: Flask) -> None:
    """T20: a token of a deleted user must not open the account of the next one."""
    first = people.create_user(app)
    with app.app_context():
        db.session.add(a_session(first))
        db.session.commit()
        db.session.execute(text("DELETE FROM users"))
        db.session.commit()
        assert db.session.scalars(select(AuthSession.id)).all() == []
    assert people.create_user(app) > first


# --- deleting in batches ---------------------------------------------------------------------------------


def add_events(count: int) -> list[int]:
    db.session.add_all(AuditEvent(at=NOON, kind="x") for _ in range(count))
    db.session.commit()
    return list(db.session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)))


def purge() -> int:
    return delete_in_batches(db.session, AuditEvent.id, AuditEvent.at <= NOON, batch=2)


def left() -> int | None:
    return db.session.scalar(select(func.count()).select_from(AuditEvent))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_all_goes_though_somebody_else_deletes_some_of_a_batch(app: Flask) -> None:
    """L15. On SQLite, where the rows that were found are nobody's."""
    with app.app_context():
        first, *_ = add_events(5)
        others: list[int] = []

        def overtake(state: ORMExecuteState) -> None:
            if state.is_delete and not others:
                others.append(first)
                elsewhere(delete_one)

        def delete_one() -> None:
            with app.app_context():
                db.session.execute(delete(AuditEvent).where(AuditEvent.id == first))
                db.session.commit()

        session = db.session()
        event.listen(session, "do_orm_execute", overtake)
        try:
            assert purge() == 4
        finally:
            event.remove(session, "do_orm_execute", overtake)
        assert (others, left()) == ([first], 0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_all_goes_but_what_somebody_else_holds_and_nobody_waits(app: Flask) -> None:
    """L15: by somebody who leaves, in the midst of it."""
    with app.app_context():
        first, *_ = add_events(5)
        with db.engine.connect() as leaving:
            leaving.execute(delete(AuditEvent).where(AuditEvent.id == first))
            assert purge() == 4
            leaving.rollback()
        assert left() == 1
        assert (purge(), left()) == (1, 0)
