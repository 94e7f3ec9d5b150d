"""Alembic's environment: the database is the one of the running Flask application."""

from alembic import context
from flask import current_app

from webapp import postgresql
from webapp.database import UtcDateTime

migrate = current_app.extensions["migrate"]


def render_item(kind, item, autogen_context):
    """Write our column type as the plain one it is in the database, so that old migrations need no new code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run():
    options = {"render_item": render_item, "target_metadata": migrate.db.metadata, **migrate.configure_args}
    with migrate.db.engine.connect() as connection:
        postgresql.take_time(connection.connection.dbapi_connection)
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Offline mode is not supported: migrations run against the configured database.")
run()
