"""PostgreSQL: version, encoding, isolation, rights, connections, encryption, and whether the clocks agree."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from webapp.clock import utc_now
from webapp.config import Settings
from webapp.database import READ_POOL_SIZE, Base, DbSession
from webapp.doctor.findings import Finding, wrong
from webapp.doctor.places import database_host, is_near

OLDEST: Final = 13
CLOCKS_APART: Final = timedelta(seconds=2)
_FACTS: Final = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS version,
           current_setting('server_encoding') AS encoding,
           current_setting('default_transaction_isolation') AS isolation,
           current_setting('transaction_read_only') = 'on' AS is_read_only,
           current_setting('is_superuser') = 'on' AS is_superuser,
           current_setting('max_connections')::int AS most,
           current_setting('superuser_reserved_connections')::int AS reserved,
           coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted,
           current_user AS username, current_database() AS name, clock_timestamp() AS at
""")
# One of several rights would do for has_table_privilege('…', 'SELECT, INSERT'): each is asked for by itself. A table
# whose rows a sequence numbers takes none without the right to that.
_CLOSED_TABLES: Final = text("""
    SELECT relname FROM pg_class
    WHERE relname = ANY(:names) AND relkind IN ('r', 'p') AND pg_table_is_visible(oid)
      AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
               AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
               AND coalesce((SELECT bool_and(has_sequence_privilege(numbers, 'USAGE'))
                             FROM pg_attribute, pg_get_serial_sequence(relname::text, attname) AS numbers
                             WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped), true))
    ORDER BY relname
""")


def examine(db: DbSession, settings: Settings) -> Iterator[Finding]:
    before = utc_now()
    facts = db.execute(_FACTS).one()
    yield from _examine_clock(facts.at, before=before, after=utc_now())
    yield from _examine_server(facts)
    yield from _examine_user(db, facts)
    if not facts.is_encrypted and not is_near(database_host(settings)):
        message = f"talk with {database_host(settings)} in the clear: add ?sslmode=verify-full&sslrootcert=system"
        yield wrong("postgresql-plain", f"{message} to DATABASE_URL (or =/path/ca.pem for an authority of your own)")
    yield from _examine_connections(db, settings, granted=facts.most - facts.reserved)


def _examine_clock(at: datetime, *, before: datetime, after: datetime) -> Iterator[Finding]:
    apart = max(before - at, at - after, timedelta(0))
    if apart > CLOCKS_APART:
        message = f"the database's clock and this machine's differ by {apart.total_seconds():.0f} seconds"
        message += ", and hosts more than a minute apart refuse each other's tokens"
        yield wrong("clock-differs", f"{message}: timedatectl set-ntp true on both")


def _examine_server(facts: Any) -> Iterator[Finding]:
    database = f'ALTER DATABASE "{facts.name}"'
    if facts.version < OLDEST:
        message = f"PostgreSQL {facts.version} gets no more corrections: upgrade to {OLDEST} or newer"
        yield wrong("postgresql-version", message)
    if facts.encoding != "UTF8":
        yield wrong_encoding(facts.encoding)
    if facts.isolation != "read committed":
        message = f"transactions are {facts.isolation}, and those that meet are refused with 503"
        yield wrong("postgresql-isolation", f"{message}: {database} RESET default_transaction_isolation")
    if facts.is_read_only:
        message = "nothing can be written: point DATABASE_URL at the primary, or"
        # The first, because what is to be mended also holds for who mends it.
        remedy = f"SET default_transaction_read_only = off; {database} RESET default_transaction_read_only"
        yield wrong("postgresql-read-only", f"{message} {remedy}")


def wrong_encoding(encoding: str) -> Finding:
    message = f"the encoding is {encoding}, which cannot hold every name: make a database with"
    return wrong("postgresql-encoding", f"{message} ENCODING 'UTF8' TEMPLATE template0, and load a dump into it")


def _examine_user(db: DbSession, facts: Any) -> Iterator[Finding]:
    user = f'"{facts.username}"'
    if facts.is_superuser:
        message = f"{user} is a superuser, and a stolen DATABASE_URL opens all databases: CREATE ROLE evergreen LOGIN"
        yield wrong("postgresql-superuser", f"{message} PASSWORD '…', let it own this one, and name it in DATABASE_URL")
    names = [*Base.metadata.tables, "alembic_version"]
    closed = db.execute(_CLOSED_TABLES, {"names": names}).scalars().all()
    if closed:
        message = f"{user} lacks rights to {', '.join(closed)}: as their owner, GRANT SELECT, INSERT, UPDATE,"
        message += f" DELETE ON ALL TABLES IN SCHEMA public TO {user}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public"
        message += f" TO {user}"
        yield wrong("postgresql-rights", message)


def _examine_connections(db: DbSession, settings: Settings, *, granted: int) -> Iterator[Finding]:
    pool = db.connection().engine.pool
    if not isinstance(pool, QueuePool):
        return
    each = pool.size() + pool._max_overflow + READ_POOL_SIZE
    needed = settings.web_concurrency * each
    if needed > granted:
        message = f"{settings.web_concurrency} workers may open {needed} connections, and the server grants {granted}"
        remedy = f"raise max_connections in postgresql.conf by {needed - granted}"
        yield wrong("postgresql-connections", f"{message}: {remedy}, or set WEB_CONCURRENCY={granted // each or 1}")
