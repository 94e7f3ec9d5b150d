"""Connections to PostgreSQL that give up on a server which does not say a word any more.

Such a server is still connected: its kernel takes what it is sent, so that TCP notices nothing, and `statement_timeout`
is kept by the server itself. Only our own clock tells. A server that takes nothing any more is left, too, for the one
that does may be at the same address."""

import math
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

from psycopg import Connection, OperationalError
from psycopg.abc import PQGen
from psycopg.errors import (
    ConnectionTimeout,
    InsufficientPrivilege,
    InvalidSchemaName,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
    _WaitTimeout,
)
from sqlalchemy import URL

# All in seconds. A request is answered within five: what it does for the database has to fit into these.
REQUEST_TIMEOUT: Final = 4.2
ANSWER_TIMEOUT: Final = 4.2
CONNECT_TIMEOUT: Final = 2  # psycopg takes no less
POOL_TIMEOUT: Final = 2.0
PING_TIMEOUT: Final = 1.5
LEAST: Final = 0.2  # what is left to a request that has come late
TRYING: Final = 1.0  # how long others wait for the one who tries to reach a silent server
RENEWS_EVERY: Final = 1.0  # at most, while nothing can be written: all those who read need connections meanwhile
# The server's own, in milliseconds, within ours: if it lives, it ends by itself what takes too long.
SERVER_OPTIONS: Final = "-c statement_timeout=4000 -c lock_timeout=3800"

T = TypeVar("T")
_request: Final = threading.local()


class Silent(OperationalError):
    """The server has not answered in time, or has not done so lately."""


class ReadOnly(OperationalError):
    """The server can be read, not written: it is a standby by now, or its disk is full. To psycopg that is an error of
    ours, for it means those who have asked for a transaction that only reads; we never do."""

    sqlstate = ReadOnlySqlTransaction.sqlstate


class NotReady(OperationalError):
    """The server answers, and the tables are not ours to use: they are missing or of an older release, or we have no
    rights to them. To psycopg these are errors in what we have asked for."""


def begin_request() -> None:
    """Let all that this thread waits for fit into REQUEST_TIMEOUT from now on."""
    _request.ends_at = time.monotonic() + REQUEST_TIMEOUT


def end_request() -> None:
    """Let each wait of this thread take what it may by itself."""
    _request.ends_at = None


def remaining() -> float:
    """Return how many seconds are left to the request that this thread answers; without one, infinity."""
    ends_at = getattr(_request, "ends_at", None)
    return ends_at - time.monotonic() if ends_at else math.inf


def take_time(connection: object) -> None:
    """Let each statement of a connection take as long as it takes, as an index on a large table does.

    It still waits no longer for a lock than others do: behind it, all would wait."""
    if isinstance(connection, PatientConnection):
        connection.execute("SET statement_timeout = 0")
        connection.commit()
        connection.patience = math.inf


class Connector:
    """Makes the connections of an engine to one server: `connect` is what SQLAlchemy calls a creator.

    When the server has been silent, one thread at a time tries to connect and all others are refused at once: they
    would take the threads that answer, and fill the server's queue with connections that nobody waits for any more."""

    def __init__(self, url: URL) -> None:
        self._args, self._options = url.get_dialect()().create_connect_args(url)
        self._given = url.normalized_query.get("options", ())
        self._is_silent = False
        self._turn = threading.Lock()
        self._tried_at = 0.0

    def connect(self) -> Connection[Any]:
        """Return a new connection. Raises psycopg.OperationalError."""
        if not self._is_silent:
            return self._try()
        with self._take_turn():
            return self._try()

    def _try(self) -> Connection[Any]:
        # Ours come last: of two values of a setting the server takes that.
        limits = {"connect_timeout": CONNECT_TIMEOUT, "options": " ".join((*self._given, SERVER_OPTIONS))}
        try:
            connection = PatientConnection.connect(*self._args, **{**self._options, **limits})
        except ConnectionTimeout:
            self._is_silent = True
            raise
        self._is_silent = False
        connection.connector, connection.made_at = self, time.monotonic()
        return connection

    @contextmanager
    def _take_turn(self) -> Iterator[None]:
        patience = max(0.0, self._tried_at + TRYING - time.monotonic())
        if remaining() < CONNECT_TIMEOUT or not self._turn.acquire(timeout=patience):
            raise Silent("the server has not answered lately")
        try:
            self._tried_at = time.monotonic()
            yield
        finally:
            self._turn.release()

    def note_silence(self) -> None:
        self._is_silent = True


class PatientConnection(Connection[Any]):
    """A connection whose every wait ends: with its own patience, or with the request that it is for."""

    refused_at: ClassVar[float] = -math.inf  # when one of all connections last met a server that takes nothing
    connector: Connector | None = None
    patience: float | None = None
    made_at = 0.0

    def rollback(self) -> None:
        """End the transaction, at the latest with the connection: raises nothing if the server is away or silent."""
        # Every request ends with one: it must not make an error of an answer that is complete.
        before, self.patience = self.patience, PING_TIMEOUT
        try:
            super().rollback()
        except OperationalError:
            if not self.closed:
                raise
        finally:
            self.patience = before

    def ping(self) -> None:
        """Raise OperationalError unless the server answers, soon."""
        before, autocommit = self.patience, self.autocommit
        self.patience, self.autocommit = PING_TIMEOUT, True
        self.execute("SELECT 1")
        self.patience, self.autocommit = before, autocommit

    def has_been_told_something(self) -> bool:
        """Whether the server has said what nobody has asked it, as when it ends. Raises OperationalError if closed."""
        ear = select.poll()
        ear.register(self.fileno(), select.POLLIN)
        return bool(ear.poll(0))

    def is_outdated(self) -> bool:
        """Whether a server has refused to write since this was made. A new one may lead to the primary; and whether
        it may write is what a connection is told when it is made."""
        return self.made_at < self.refused_at

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        most = timeout or self.patience or ANSWER_TIMEOUT
        try:
            limit = min(most, max(remaining(), LEAST))
            return super().wait(gen, interval, None if limit == math.inf else limit)
        except _WaitTimeout:
            # Closed at once: what the server may still say would be taken for the answer to the next question.
            self.pgconn.finish()
            if self.connector:
                self.connector.note_silence()
            raise Silent("the server has not answered") from None
        except ReadOnlySqlTransaction as error:
            if time.monotonic() >= self.refused_at + RENEWS_EVERY:
                PatientConnection.refused_at = time.monotonic()
            raise ReadOnly(str(error)) from None
        except (UndefinedTable, UndefinedColumn, InsufficientPrivilege, InvalidSchemaName) as error:
            raise NotReady(str(error.diag.message_primary)) from None
