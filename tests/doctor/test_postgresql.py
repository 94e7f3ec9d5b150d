"""The doctor on PostgreSQL: a real server, a role of the test's own, and databases that are set up wrongly."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.doctor.conftest import complaints, disconnect
from tests.support.databases import fresh_database
from tests.support.services import POSTGRESQL
from webapp.clock import utc_now
from webapp.database import db
from webapp.doctor import postgresql

ROLE = f"evergreen_role_{os.getpid()}"
RIGHTS = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}; "
    f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}"
)


def as_owner(statements: str, database: str = "postgres") -> None:
    with psycopg.connect(f"{POSTGRESQL.replace('+psycopg', '')}/{database}", autocommit=True) as connection:
        for statement in statements.split(";"):
            connection.execute(statement)


@pytest.fixture
def owned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of an empty database, as the user who owns it."""
    return fresh_database("postgresql", tmp_path_factory.mktemp("unused"))


@pytest.fixture
def name(owned: str) -> str:
    return str(make_url(owned).database)


@pytest.fixture
def database_url(owned: str, name: str) -> Iterator[str]:
    """That database as an ordinary role uses it."""
    as_owner(f"CREATE ROLE {ROLE} LOGIN")
    as_owner(RIGHTS, name)
    yield make_url(owned).set(username=ROLE).render_as_string(hide_password=False)
    as_owner(f"DROP OWNED BY {ROLE}", name)
    as_owner(f"DROP ROLE {ROLE}; ALTER DATABASE {name} RESET ALL")


def test_a_sound_installation_has_nothing_to_mend(clinic: Callable[..., Flask]) -> None:
    assert complaints(clinic()) == {}


@pytest.mark.parametrize(
    ("setting", "code", "before"),
    [
        ("default_transaction_isolation = 'repeatable read'", "postgresql-isolation", "with 503: "),
        ("default_transaction_read_only = on", "postgresql-read-only", "at the primary, or "),
    ],
)
def test_a_database_that_is_set_up_wrongly_is_found_and_the_remedy_works(
    clinic: Callable[..., Flask], name: str, setting: str, code: str, before: str
) -> None:
    app = clinic()
    as_owner(f"ALTER DATABASE {name} SET {setting}")
    disconnect(app)
    found = complaints(app)
    assert found.keys() == {code}
    as_owner(found[code].partition(before)[2], name)
    disconnect(app)
    assert complaints(app) == {}


def test_missing_rights_are_found_and_the_remedy_works(clinic: Callable[..., Flask], name: str) -> None:
    app = clinic()
    for table in ("users", "alembic_version"):
        as_owner(f"REVOKE INSERT ON {table} FROM {ROLE}", name)
    found = complaints(app)
    assert found.keys() == {"postgresql-rights"}
    assert "rights to alembic_version, users:" in found["postgresql-rights"]
    as_owner(f"GRANT {found['postgresql-rights'].partition('GRANT ')[2]}", name)
    assert complaints(app) == {}
    with app.app_context(), pytest.raises(OperationalError, match="permission denied"):
        db.session.execute(text("TRUNCATE audit_events"))  # docs/operations.md, "Rights": no more than it needs


@pytest.mark.parametrize("numbered", ["ALL SEQUENCES IN SCHEMA public", "SEQUENCE audit_events_id_seq"])
def test_sequences_that_the_role_may_not_use_are_found_and_the_remedy_works(
    clinic: Callable[..., Flask], name: str, numbered: str
) -> None:
    """Of one that may do all to the tables: it would answer every sign-in with 503."""
    app = clinic()
    as_owner(f"REVOKE USAGE ON {numbered} FROM {ROLE}", name)
    found = complaints(app)
    assert found.keys() == {"postgresql-rights"}
    closed = found["postgresql-rights"].partition("rights to ")[2].partition(":")[0].split(", ")
    assert "audit_events" in closed
    assert {"alembic_version", "auth_sessions"}.isdisjoint(closed), "nothing numbers their rows"
    as_owner(f"GRANT {found['postgresql-rights'].partition('GRANT ')[2]}", name)
    assert complaints(app) == {}


def test_a_superuser_is_found(clinic: Callable[..., Flask], owned: str) -> None:
    found = complaints(clinic(database_url=owned))
    assert found.keys() == {"postgresql-superuser"}
    assert "CREATE ROLE" in found["postgresql-superuser"]


def test_an_old_server_is_found(clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OLDEST", 99)
    found = complaints(clinic())
    assert found.keys() == {"postgresql-version"}
    assert "upgrade to 99" in found["postgresql-version"]


def test_more_connections_than_the_server_grants_are_found(clinic: Callable[..., Flask]) -> None:
    found = complaints(clinic(web_concurrency=256))
    assert "256 workers may open 3840 connections" in found["postgresql-connections"]
    assert "max_connections" in found["postgresql-connections"]
    as_told = int(found["postgresql-connections"].rpartition("WEB_CONCURRENCY=")[2])
    assert "postgresql-connections" not in complaints(clinic(web_concurrency=as_told))


@pytest.mark.parametrize(("host", "codes"), [("db.example.com", {"postgresql-plain"}), ("localhost", set())])
def test_a_connection_in_the_clear_to_another_host_is_found(
    clinic: Callable[..., Flask], database_url: str, host: str, codes: set[str]
) -> None:
    url = make_url(database_url)
    elsewhere = url.set(host=host, query={"hostaddr": url.host or "127.0.0.1"}).render_as_string(hide_password=False)
    found = complaints(clinic(database_url=elsewhere))
    assert found.keys() == codes
    assert all("sslmode=verify-full" in message for message in found.values())


@pytest.mark.parametrize(
    ("ahead", "codes"), [(60, {"clock-differs"}), (-60, {"clock-differs"}), (1, set()), (-1, set())]
)
def test_clocks_that_differ_are_found(clinic: Callable[..., Flask], ahead: int, codes: set[str]) -> None:
    app = clinic()
    with time_machine.travel(utc_now() + timedelta(seconds=ahead)):
        found = complaints(app)
    assert found.keys() == codes
    assert all("timedatectl" in message for message in found.values())


@pytest.mark.parametrize(
    ("encoding", "others"), [("LATIN1", {"postgresql-superuser", "migrations-behind"}), ("SQL_ASCII", set())]
)
def test_an_encoding_that_cannot_hold_every_name_is_found(
    make_app: Callable[..., Flask], sound: dict[str, Any], encoding: str, others: set[str]
) -> None:
    name = f"{ROLE}_{encoding.lower()}"
    as_owner(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        app = make_app(**sound, database_url=f"{POSTGRESQL}/{name}")
        found = complaints(app)
        disconnect(app)
    finally:
        as_owner(f"DROP DATABASE {name} WITH (FORCE)")
    assert found.keys() == {"postgresql-encoding"} | others
    assert encoding in found["postgresql-encoding"]
    assert "ENCODING 'UTF8'" in found["postgresql-encoding"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql+psycopg://u:hunter2@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+psycopg://u:hunter2@db.invalid/x", "db.invalid"),
        (f"{POSTGRESQL}/evergreen_that_is_not_there", "does not exist"),
    ],
)
def test_a_server_that_cannot_be_used_is_found_with_the_reason(
    make_app: Callable[..., Flask], sound: dict[str, Any], url: str, reason: str
) -> None:
    found = complaints(make_app(**sound, database_url=url))
    assert found.keys() == {"database-unreachable"}
    assert reason in found["database-unreachable"]
    assert "check DATABASE_URL" in found["database-unreachable"]
    assert "hunter2" not in found["database-unreachable"]
