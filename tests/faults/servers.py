"""What is done to a live server: waiting for all its workers, killing it without warning, starting it again,
reloading it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import NullPool, create_engine, text

from tests.support.live import CLOCKED, LiveServer, launch
from tests.support.waiting import wait_until

WORKERS = 4
GATED = "tests.faults.gated:app"
STARTS_WITHIN = 60  # seconds


def wait_for_workers(server: LiveServer, count: int = WORKERS) -> None:
    """Return when `count` workers listen; the health check alone is answered by the first of them."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.process.poll() is None:
        if sum(_serves(pid, server.port) for pid in server.worker_pids) == count:
            return
        time.sleep(0.02)
    raise AssertionError(f"the server has not got its {count} workers:\n{server.log}")


def _serves(pid: int, port: int) -> bool:
    """Whether a worker has the port, which it is born with, and waits for events by now (epoll, where /proc tells)."""
    with suppress(psutil.NoSuchProcess, FileNotFoundError):
        has_port = any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in psutil.Process(pid).net_connections()
        )
        files = Path(f"/proc/{pid}/fd")
        return has_port and (not files.exists() or any("eventpoll" in os.readlink(file) for file in files.iterdir()))
    return False


def kill(pid: int) -> None:
    """SIGKILL: nothing of the process gets to tidy up."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(signal.SIGKILL)


def kill_all(server: LiveServer) -> None:
    """SIGKILL the master, so that it starts no successor, and then every worker; return when all are gone."""
    workers = server.worker_pids if server.process.poll() is None else []
    server.process.kill()
    server.process.wait(10)
    for pid in workers:
        kill(pid)
    deadline = time.monotonic() + 10
    while not all(_is_dead(pid) for pid in workers):
        assert time.monotonic() < deadline, "the workers survive a SIGKILL"
        time.sleep(0.01)


def _is_dead(pid: int) -> bool:
    """Whether a process has come to its end, with its last thread: one that was writing finishes that first."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    return True


def start_again(server: LiveServer, application: str = CLOCKED, *, workers: int | None = None) -> None:
    """Start `application` where the server ran: same port, settings and database."""
    server.process = launch(server.folder, server.settings, application)
    wait_for_workers(server, workers or int(server.settings["WEB_CONCURRENCY"]))


def reload(server: LiveServer) -> None:
    """SIGHUP; return when there are as many workers as before, and all of them are new ones."""
    old = set(server.worker_pids)
    server.process.send_signal(signal.SIGHUP)

    def are_new() -> bool:
        pids = set(server.worker_pids)
        return len(pids) == len(old) and not old & pids

    wait_until(are_new, "old workers stay", within=STARTS_WITHIN)


def rows(server: LiveServer, sql: str, **values: Any) -> list[Any]:
    """Return what a statement finds in the server's database, past the product; one that changes rows is committed."""
    engine = create_engine(server.settings["DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as connection:
        found = connection.execute(text(sql), values)
        return list(found.all()) if found.returns_rows else []


def generation(server: LiveServer, sid: str) -> int:
    (row,) = rows(server, "SELECT generation FROM auth_sessions WHERE id = :sid", sid=sid)
    return int(row[0])


def alarms(server: LiveServer, sid: str) -> int:
    """How often the audit log holds `refresh_reuse` for a session."""
    sql = "SELECT count(*) FROM audit_events WHERE session_id = :sid AND kind = 'refresh_reuse'"
    (row,) = rows(server, sql, sid=sid)
    return int(row[0])
