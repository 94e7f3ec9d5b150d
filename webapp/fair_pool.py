"""A pool of connections to PostgreSQL that is fair to those who wait, and gives nobody a connection that has died."""

import math
import threading
import time
from collections import deque
from typing import Any, Final, cast

from psycopg import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from webapp.postgresql import LEAST, PatientConnection, remaining

RESTED: Final = 0.1  # seconds that a connection may lie in the pool before it is tried


class FairPool(QueuePool):
    """A pool whose connections go to those who have waited longest, who wait no longer than their request may.

    SQLAlchemy's lets whoever comes by take what others wait for: of a hundred clients some waited for two seconds where
    the median was 0.17, and while no connection can be made nobody is told that it is their turn to find that out."""

    _sqla_logger_namespace = "sqlalchemy.pool"  # by the class's own name, each connection would be a line in our log

    def __init__(self, creator: Any, pool_size: int = 5, **options: Any) -> None:
        # The last one that came back goes first: others rest, and are tried before they are used.
        super().__init__(creator, pool_size, **{**options, "use_lifo": True})
        self._turns = _Turns(pool_size)

    def _do_get(self) -> ConnectionPoolEntry:
        if not self._turns.take(min(self._timeout, max(remaining(), LEAST))):
            raise PoolTimeout("no connection has come free in time")
        try:
            entry: Any = super()._do_get()
        except BaseException:
            self._turns.give_back()
            raise
        try:
            if not entry._is_hard_or_soft_invalidated() and not _is_alive(entry):
                entry.invalidate()
                # All from before are replaced, too, when they are taken; those that have been since are not.
                if self._invalidate_time < entry.last_connect_time:
                    self._invalidate_time = time.time()
        except BaseException:
            entry.close()  # nobody knows in what state it is
            self._do_return_conn(entry)
            raise
        return cast(ConnectionPoolEntry, entry)

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()
        super()._do_return_conn(record)
        self._turns.give_back()


def _is_alive(entry: ConnectionPoolEntry) -> bool:
    """Whether the connection works: it may have died while it rested, when the server was started again. SQLAlchemy's
    `pool_pre_ping` would ask at every use, which costs more than reading a row: here, those that have just been used
    are only listened to, since a server that ends says so. Those of a server that cannot be written are replaced, too:
    of reads as well, to which a standby would go on telling what was so."""
    connection = cast(PatientConnection, entry.dbapi_connection)
    if connection.is_outdated():
        return False
    has_rested = time.monotonic() - entry.info.get("rests_since", math.inf) >= RESTED
    try:
        if has_rested or connection.has_been_told_something():
            connection.ping()
    except OperationalError:
        return False
    return True


class _Turns:
    """A semaphore that lets threads in as they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[threading.Lock] = deque()
        self._mutex = threading.Lock()

    def take(self, timeout: float) -> bool:
        """Whether it was this thread's turn within `timeout` seconds; it gives it back later."""
        with self._mutex:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=timeout):
            return True
        with self._mutex:
            if mine not in self._waiting:
                return True  # it came at the last moment
            self._waiting.remove(mine)
            return False

    def give_back(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
