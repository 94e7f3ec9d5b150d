"""The database: does it answer, is it sound, and is its schema the one of this code."""

from collections.abc import Iterator
from typing import Final

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from webapp.config import ROOT, Settings
from webapp.database import OUTAGES, DbSession, NoDatabase
from webapp.doctor import postgresql, sqlite
from webapp.doctor.findings import Finding, fine, within, wrong
from webapp.doctor.places import is_missing, sqlite_path

PATIENCE: Final = 5.0  # seconds that PostgreSQL may take to let us in
_REASON_LENGTH: Final = 400


def examine(db: DbSession, settings: Settings) -> Iterator[Finding]:
    path = sqlite_path(settings)
    if path is not None and is_missing(path):
        yield from _examine_revision(None)  # connecting would make the file
        return
    yield from explained(_examine_engine(db, settings), settings)


def explained(findings: Iterator[Finding], settings: Settings) -> Iterator[Finding]:
    """Pass findings on; one more takes the place of what the database raises meanwhile."""
    try:
        yield from findings
    except (DatabaseError, *OUTAGES, TimeoutError) as error:
        is_file = sqlite_path(settings) is not None
        is_away = isinstance(error, (*OUTAGES, TimeoutError)) and not isinstance(_raised(error), NoDatabase)
        if is_away or not is_file:
            message = f"cannot be used ({_reason(error)}): check DATABASE_URL, and that the server runs and lets us in"
            yield wrong("database-unreachable", message)
        else:
            yield wrong("database-damaged", f"cannot be read ({_reason(error)}): stop the servers and restore a backup")


def _knock(db: DbSession) -> None:
    """Connect once, however long the name's look-up or the server takes; the pool keeps the connection."""
    engine = db.get_bind()
    if isinstance(engine, Engine):
        within(PATIENCE, lambda: engine.connect().close())


def _examine_engine(db: DbSession, settings: Settings) -> Iterator[Finding]:
    if sqlite_path(settings) is None:
        try:
            _knock(db)
        except TypeError:
            # Without an encoding psycopg gives bytes, and SQLAlchemy cannot read the server's first answer.
            yield postgresql.wrong_encoding("SQL_ASCII")
            return
    dialect = db.connection().dialect.name
    yield fine("database", f"{dialect} answers")
    found = list(sqlite.examine(db, settings) if dialect == "sqlite" else postgresql.examine(db, settings))
    yield from found
    if not {finding.code for finding in found} & {"postgresql-rights", "database-damaged"}:
        yield from _examine_revision(MigrationContext.configure(db.connection()).get_current_revision())


def _examine_revision(current: str | None) -> Iterator[Finding]:
    newest = _scripts().get_current_head()
    if current == newest:
        yield fine("migrations", f"at {newest}, the newest")
    elif is_ahead(current):
        yield wrong("migrations-ahead", ahead_in_words(current))
    else:
        message = f"at {current or 'nothing'}, the code needs {newest}: run flask --app wsgi db upgrade"
        yield wrong("migrations-behind", message)


def is_ahead(revision: str | None) -> bool:
    """Whether tables at that revision are of a newer release, which alone knows it."""
    try:
        _scripts().get_revision(revision)  # type: ignore[arg-type]
    except CommandError:
        return True
    return False


def ahead_in_words(revision: str | None) -> str:
    """Return what is to be said of tables at a revision that is ahead, after what is at it."""
    message = f"at {revision}, which this code does not know: the tables are of a newer release"
    return f"{message}. Well so after going back by one; else install that release"


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return ScriptDirectory.from_config(config)


def _raised(error: Exception) -> BaseException | None:
    """Return what the driver has raised, if it was the driver."""
    return getattr(error, "orig", None)


def _reason(error: Exception) -> str:
    """Return what the driver says, which names hosts and users and never a password."""
    text = " ".join(str(_raised(error) or "").split())
    return text[:_REASON_LENGTH] or type(error).__name__
