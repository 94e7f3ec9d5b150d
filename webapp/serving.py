"""gunicorn's worker with threads, and what that one lacks: to stop without losing anybody, to wait for nobody, and to
stay with who asks on."""

import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_WITHIN: Final = 20.0  # seconds that a thread waits for the headers of a request
ANSWERED_WITHIN: Final = 120.0  # seconds from there to the last byte of the answer
TAKEN_AT_LEAST: Final = 262_144  # bytes: whoever has taken so many of a long answer has as many seconds for the next
# A thread stays so long with a client that asks one thing after the other, as programs and proxies do that keep their
# connection. Handing it back to the main thread for each request, which watches it and finds it another thread, costs
# more than reading a session's row (bench/RESULTS.md).
STAYS_FOR: Final = 0.005  # seconds
CLOSED_WITHIN: Final = 2.0  # seconds that a client has to read the last answer of a connection (RFC 9112 §9.6)
_READ_AT_ONCE: Final = 65_536  # bytes
# Of a body that is refused: more than a proxy lets through (deploy/nginx.conf), so that its connection, which it has
# been told will stay, stays. gunicorn reads no more than 64 KiB, and the next request of somebody else is lost.
_THROWN_AWAY_AT_MOST: Final = 262_144  # bytes
_THROWN_AWAY_WITHIN: Final = 5.0  # seconds
# Where Linux says how many bytes the other end of a connection has acknowledged (tcpi_bytes_acked in linux/tcp.h).
_ACKNOWLEDGED_AT: Final = 120


@dataclass
class _Turn:
    """The moment by which a thread has to be done with a connection and, once it answers, what the client has taken."""

    until: float
    taken: int | None = None

    def goes_on(self, taken: int, now: float) -> None:
        """Give the client of a long answer its time again whenever it has taken enough of it."""
        if self.taken is not None and taken - self.taken >= TAKEN_AT_LEAST:
            self.until, self.taken = now + ANSWERED_WITHIN, taken


def _taken(client: socket.socket) -> int:
    """Return how many bytes a client has taken; 0 where the system does not tell, and nobody gets more time."""
    if sys.platform == "linux":
        with suppress(OSError, struct.error):
            told = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            return int(struct.unpack_from("=Q", told, _ACKNOWLEDGED_AT)[0])
    return 0


class Worker(ThreadWorker):
    """A thread for each request, and one for all connections, which must never wait for a single client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connections, and the moment by which a thread, or the client, has to be done with them.
        self._busy: dict[TConn, _Turn] = {}
        self._closing: dict[TConn, float] = {}

    def set_accept_enabled(self, enabled: bool) -> None:
        """On the way out, take who waits at the door and shut it. gunicorn leaves it open for up to two seconds more,
        and who comes in that time is never answered (gunicorn issue 922)."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            while self._accepts_one(listener):
                pass
            listener.close()
        self.sockets: list[Any] = []

    def _accepts_one(self, listener: Any) -> bool:
        count = self.nr_conns
        self.accept(listener)
        return bool(self.nr_conns > count)

    def handle(self, conn: TConn) -> Any:
        has_come_soon = self._has_come_soon(conn)
        try:
            while True:
                self._busy[conn] = _Turn(time.monotonic() + HEAD_WITHIN)
                stays = super().handle(conn)
                if stays is not True or not (has_come_soon and self._asks_on(conn)):
                    return stays
        finally:
            del self._busy[conn]

    def _has_come_soon(self, conn: TConn) -> bool:
        """Whether a client has asked again as soon as it had its last answer."""
        if conn.timeout is None:
            return False
        answered = conn.timeout - self.cfg.keepalive
        return bool(time.monotonic() - answered < STAYS_FOR)

    def _asks_on(self, conn: TConn) -> bool:
        """Wait for the next request of a client, if it comes soon. No more than half of the threads do so, or others
        would wait for one."""
        if len(self._busy) > self.cfg.threads // 2:
            return False
        if conn.parser.unreader.buf.getvalue():  # it was read together with the last one
            return True
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(STAYS_FOR * 1000))

    def handle_request(self, req: Any, conn: TConn) -> Any:
        # What it has taken of earlier answers counts as well, once: asking here would cost every request.
        self._busy[conn] = _Turn(time.monotonic() + ANSWERED_WITHIN, taken=0)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        deadline = time.monotonic() + _THROWN_AWAY_WITHIN
        return keepalive and bool(conn.parser.finish_body(deadline=deadline, max_bytes=_THROWN_AWAY_AT_MOST))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Give the client its time to read the last answer, and go on meanwhile. gunicorn waits here, and with it all
        connections of the worker, for two seconds if the client does not hang up."""
        is_over = not fs.cancelled() and fs.exception() is None and fs.result() is False
        if not (is_over and self._begins_to_close(conn)):
            super().finish_request(conn, fs)

    def _begins_to_close(self, conn: TConn) -> bool:
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:  # it is closed already
            return False
        self._closing[conn] = time.monotonic() + CLOSED_WITHIN
        self.poller.register(conn.sock, EVENT_READ, partial(self._goes_on_closing, conn))
        return True

    def _goes_on_closing(self, conn: TConn, client: socket.socket) -> None:
        try:
            if client.recv(_READ_AT_ONCE):
                return  # taken and thrown away: left unread, it would cost the client the answer
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        del self._closing[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Part with the clients that take too long; gunicorn calls this once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, until in self._closing.items() if until <= now]:
            self._close(conn)
        for conn, turn in self._busy.copy().items():
            turn.goes_on(_taken(conn.sock), now)
            if turn.until <= now:
                # Wakes the thread: the connection is at its end. Not by TLS's shutdown, whose state the thread uses.
                with suppress(OSError):
                    socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)
