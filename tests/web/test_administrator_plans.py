"""How administrators are found among many users: by their own index, by whoever holds all of them locked too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import Engine, event, insert, text

from bench import plans
from tests.support import people
from tests.support.steps import START
from webapp import administrators, doctor
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import User

MANY: Final = 3000


@pytest.fixture
def crowd(app: Flask) -> int:
    """Return an administrator's id, one of two among many users."""
    with app.app_context():
        named = {"password_hash": "", "created_at": START, "is_admin": False, "is_active": True}
        rows = [{"email": (name := f"p{number}@example.com"), "email_key": name, **named} for number in range(MANY)]
        db.session.execute(insert(User), rows)
        db.session.commit()
    first, _ = (people.create_user(app, f"admin{number}@test.com", is_admin=True) for number in range(2))
    with app.app_context():
        db.session.execute(text("ANALYZE"))
        db.session.commit()
    return first


@contextmanager
def watch(engine: Engine) -> Iterator[list[plans.Statement]]:
    """Yield a list to which each statement is added that speaks of administrators: of locks as well."""
    seen: list[plans.Statement] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "is_admin" in sql:
            seen.append(plans.Statement(sql, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def demote(user_id: int) -> None:
    administrators.demote(db.session, user_id=user_id, actor_id=None, client=COMMAND_LINE, now=utc_now())


def deactivate(user_id: int) -> None:
    administrators.deactivate(db.session, user_id=user_id, actor_id=None, client=COMMAND_LINE, now=utc_now())


def examine(_: int) -> None:
    list(doctor.accounts._examine_administrators(db.session))


@pytest.mark.parametrize(("deed", "statements"), [(demote, 3), (deactivate, 2), (examine, 1)])
def test_nobody_looks_through_all_users_for_the_administrators(
    app: Flask, crowd: int, deed: Callable[[int], None], statements: int
) -> None:
    """On SQLite under the lock for which every other writer waits."""
    with app.app_context():
        with watch(db.engine) as seen:
            deed(crowd)
        db.session.rollback()
        with db.engine.connect() as connection:
            explained = [plans.explain(connection, statement) for statement in seen]
    accesses = [access for plan in explained for access in plan.accesses if access.table == "users"]
    assert (len(explained), {str(access) for access in accesses if not is_led(access)}) == (statements, set())
    assert "ix_users_administrators" in {access.index for access in accesses}


def is_led(access: plans.Access) -> bool:
    return access.has_condition or access.index == "ix_users_administrators"
