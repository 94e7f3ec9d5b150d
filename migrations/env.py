"""Alembic's environment: the database is the one of the running Flask application."""

from contextlib import contextmanager

import psycopg
from alembic import context
from alembic.util import CommandError
from click import ClickException
from flask import current_app
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from webapp import postgresql
from webapp.cli.shared import explains_errors
from webapp.database import UtcDateTime
from webapp.doctor.database import ahead_in_words, is_ahead

MIGRATING = 8  # the lock that who migrates has, or waits for; migration 0008 knows it

migrate = current_app.extensions["migrate"]


def render_item(kind, item, autogen_context):
    """Write our column type as the plain one it is in the database, so that old migrations need no new code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def begin_at_once(connection):
    """SQLite's driver would begin with the first row that is written, and keep a table that was made before it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def turn_to_migrate(engine):
    """On PostgreSQL, two who migrate at once would get into each other's way: the second waits, as long as it takes,
    and finds what the first has done. SQLite lets in one at a time by itself."""
    if engine.dialect.name != "postgresql":
        yield
        return
    try:
        holder = wait_for_others(engine)
    except (OperationalError, psycopg.OperationalError):
        holder = wait_for_others(engine)  # migration 0008 has ended the connection before it waited
    try:
        yield
    finally:
        holder.close()


def wait_for_others(engine):
    """Return a connection that has the lock until it is closed. Only who has it makes the one that migrates."""
    connection = engine.connect()
    connection.detach()  # from the pool, which would keep it, and the lock
    try:
        postgresql.take_time(connection.connection.dbapi_connection)
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATING})")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


@explains_errors  # for the commands of Flask-Migrate, which know nothing of a database that is away
def run():
    options = {"render_item": render_item, "target_metadata": migrate.db.metadata, **migrate.configure_args}
    with turn_to_migrate(migrate.db.engine), migrate.db.engine.connect() as connection:
        postgresql.take_time(connection.connection.dbapi_connection)
        event.listen(connection, "begin", begin_at_once)
        context.configure(connection=connection, **options)
        try:
            with context.begin_transaction():
                context.run_migrations()
        except CommandError:
            if is_ahead(revision := context.get_context().get_current_revision()):
                raise ClickException(f"The database is {ahead_in_words(revision)}.") from None
            raise


if context.is_offline_mode():
    raise SystemExit("Offline mode is not supported: migrations run against the configured database.")
run()
