"""Power that fails (L03): what was answered is on the disk, and what is on the disk is whole, at any instant."""

import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import psutil
import pytest

from tests.faults.clients import TIMEOUT, TRANSPORTS, Client, Reply, chance, one_client
from tests.faults.crowds import crowd
from tests.faults.servers import kill_all, wait_for_workers
from tests.support import people
from tests.support.live import LiveServer, serve
from tests.support.people import PASSWORD
from tests.support.services import missing, require_program
from tests.support.settings import PUBLIC_URL
from tests.support.waiting import wait_until

WORKERS = 2
CLIENTS = 6
COPIES = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with serve(tmp_path, people.database_with_john(tmp_path), workers=WORKERS, public_url=PUBLIC_URL) as server:
        wait_for_workers(server, WORKERS)
        yield server
        kill_all(server)


# --- before the answer -----------------------------------------------------------------------------------


@contextmanager
def traced(folder: Path) -> Iterator[LiveServer]:
    """A server whose syncs, requests and answers are written to `folder`/trace, one a line, each with its file."""
    calls = "--trace=fsync,fdatasync,recvfrom,sendto"
    strace = [
        require_program("strace"),
        "--follow-forks",
        "--seccomp-bpf",
        "--decode-fds=path",
        "--string-limit=64",
        calls,
    ]
    if subprocess.run([*strace, "-o", f"{folder}/trace", "true"], capture_output=True, check=False).returncode:
        missing("ptrace(2), by which strace sees what a program does,")
    url = people.database_with_john(folder)
    with serve(folder, url, workers=1, public_url=PUBLIC_URL, under=[*strace, "-o", f"{folder}/trace"]) as server:
        yield server


def test_every_revocation_is_on_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    """L03: between the request and its answer, the log of SQLite is synced (`synchronous = FULL`)."""
    (folder := tmp_path / "traced").mkdir()
    with traced(folder) as server, one_client(server) as client:
        first, second, _, keeper, thief = (client.sign_in("body") for _ in range(5))
        superseded = client.refresh("body", client.refresh("body", thief.refresh).successor or "").successor or ""
        assert client.refresh("body", superseded).status == 200
        new = {"current_password": PASSWORD, "new_password": f"{PASSWORD} and more of it"}
        revocations: dict[str, tuple[int, Callable[[], Reply]]] = {
            "POST /api/logout ": (204, lambda: client.call("POST", "/api/logout", bearer=first.access)),
            f"DELETE /api/sessions/{second.sid} ": (
                204,
                lambda: client.call("DELETE", f"/api/sessions/{second.sid}", bearer=keeper.access),
            ),
            "POST /api/refresh ": (401, lambda: client.refresh("body", thief.refresh)),
            "DELETE /api/sessions ": (204, lambda: client.call("DELETE", "/api/sessions", bearer=keeper.access)),
            "POST /api/me/password ": (
                204,
                lambda: client.call("POST", "/api/me/password", bearer=keeper.access, body=new),
            ),
        }
        statuses = [revoke().status for _, revoke in revocations.values()]
    assert statuses == [status for status, _ in revocations.values()]
    trace = (folder / "trace").read_text(errors="replace")
    syncs = {request.strip(): _syncs(trace, request) for request in revocations}
    print(f"L03: syncs before the answer: {syncs}")
    assert min(syncs.values()) >= 1


def _syncs(trace: str, request: str) -> int:
    """Return how often the write-ahead log was synced between the last such request and its answer."""
    after = trace.rpartition(f'"{request}')[2]
    until, answer, _ = after.partition('"HTTP/1.1 ')
    assert after and answer, "the trace has no such request"
    # A call that another thread interrupts is on two lines, the first of which has the file.
    return len(re.findall(r"f(?:data)?sync\(\d+<[^>]*-wal>", until))


# --- at any instant --------------------------------------------------------------------------------------


def test_a_copy_at_any_instant_opens_and_has_every_sign_out_that_was_answered(
    server: LiveServer, tmp_path: Path
) -> None:
    """L03, L02: the files as they are when the machine stops, in the middle of writes or not."""
    dice = chance("power")
    gone: list[str] = []
    copies: list[tuple[Path, list[str]]] = []
    is_over = Event()

    def live(client: Client, transport: str) -> None:
        while not is_over.is_set():
            session = client.sign_in(transport)
            assert client.refresh(transport, session.refresh).status == 200
            assert client.call("POST", "/api/logout", bearer=session.access).status == 204
            gone.append(session.sid)

    def fail(_: Client) -> None:
        try:
            wait_until(lambda: len(gone) > 3, "nobody signs out", within=TIMEOUT)
            for number in range(COPIES):
                time.sleep(dice.uniform(0.05, 0.3))
                answered = list(gone)
                copies.append((_stop_and_copy(server, tmp_path / f"copy{number}"), answered))
        finally:
            is_over.set()

    with crowd(server, CLIENTS + 1) as clients:
        lives = [partial(live, transport=TRANSPORTS[number % 2]) for number in range(CLIENTS)]
        clients.at_once(lambda client, act: act(client), [fail, *lives])
    for path, answered in copies:
        assert _ended(path) >= set(answered)
    print(f"L03: {COPIES} copies open and are whole; of {len(copies[-1][1])} sign-outs answered, 0 are missing")


def _stop_and_copy(server: LiveServer, folder: Path) -> Path:
    """Stop every worker wherever it is, copy the files of its database, and let it go on."""
    folder.mkdir()
    workers = [psutil.Process(pid) for pid in server.worker_pids]
    for worker in workers:
        worker.suspend()
    try:
        for file in server.folder.glob("evergreen.db*"):
            if not file.name.endswith("-shm"):  # in memory: nothing of it outlives the machine
                shutil.copy(file, folder)
    finally:
        for worker in workers:
            worker.resume()
    return folder / "evergreen.db"


def _ended(path: Path) -> set[str]:
    """Return the ids of the sessions that were ended, of a database that is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {sid for (sid,) in connection.execute("SELECT id FROM auth_sessions WHERE revoked_at IS NOT NULL")}
