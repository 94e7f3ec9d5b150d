"""A full disk (L11, V03): what can be read is answered, what cannot be stored is 503, and room is all that it needs."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

import psutil
import pytest

from tests.faults.accounts import Browser
from tests.faults.clients import TRANSPORTS, Client, Reply
from tests.faults.servers import kill_all, rows, wait_for_workers
from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.people import EMAIL, PASSWORD
from tests.support.settings import PUBLIC_URL, make_settings
from webapp import create_app

WORKERS = 2
SIZE = 3 * 2**20  # bytes
MINUTES_2 = 120


class Disk(ABC):
    """Where the database is, and how that place has no room for a while."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self, server: LiveServer) -> Iterator[None]:
        rows(server, "PRAGMA wal_checkpoint(TRUNCATE)")  # no room is left within the files
        self._fill(server)
        try:
            yield
        finally:
            self._make_room(server)

    @abstractmethod
    def _fill(self, server: LiveServer) -> None: ...

    @abstractmethod
    def _make_room(self, server: LiveServer) -> None: ...


class SmallDisk(Disk):
    """A file system of its own: ENOSPC, as it comes in life."""

    def _fill(self, server: LiveServer) -> None:
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass

    def _make_room(self, server: LiveServer) -> None:
        (self.folder / "filler").unlink()


class LimitedFiles(Disk):
    """A limit on the files of the workers (RLIMIT_FSIZE): EFBIG, which every machine can do."""

    def _fill(self, server: LiveServer) -> None:
        self._limit(server, 0)

    def _make_room(self, server: LiveServer) -> None:
        self._limit(server, psutil.RLIM_INFINITY)

    def _limit(self, server: LiveServer, size: int) -> None:
        for pid in server.worker_pids:
            _, hard = psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE)
            psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, (size, hard))


@pytest.fixture(scope="module", params=["no space left", "file too large"])
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    if request.param == "file too large":
        yield LimitedFiles(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if not which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: the limit on files alone shows it")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def running(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    url = fresh_database("sqlite", disk.folder)
    app = create_app(make_settings(database_url=url))
    people.create_user(app)
    with app.app_context():
        close_connections()
    folder = tmp_path_factory.mktemp("server")
    with serve(folder, url, workers=WORKERS, public_url=PUBLIC_URL) as server:
        wait_for_workers(server, WORKERS)
        yield server
        kill_all(server)


def assert_unavailable(reply: Reply) -> None:
    assert (reply.status, reply.code) == (503, "database_unavailable"), reply
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.headers.get_content_type() == "application/problem+json"
    assert "Set-Cookie" not in reply.headers, "whoever holds a cookie keeps it"


def live_on(client: Client, transport: str, token: str) -> str:
    """Refresh, use what is handed out, and return the successor: each step would be written down if there was room."""
    reply = client.refresh(transport, token)
    assert (reply.status, client.me(reply.access or "").status) == (200, 200)
    return reply.successor or ""


def test_a_full_disk_is_told_as_503_and_what_can_be_read_is_answered(
    server: LiveServer, client: Client, disk: Disk
) -> None:
    """L11: and with room everything works again, in the same processes."""
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    sessions = [client.sign_in(transport) for transport in TRANSPORTS]
    successors = [session.refresh for session in sessions]
    writes: list[Callable[[], Reply]] = [
        lambda: client.call("POST", "/api/login", body=body),
        lambda: client.call("PATCH", "/api/me", bearer=sessions[0].access, body={"first_name": "Johann"}),
        lambda: client.call("POST", "/api/password/forgot", body={"email": EMAIL}),
    ]
    pids = server.worker_pids
    with disk.full(server):
        server.move_clock(MINUTES_2)  # so that it is to be noted when the session was last seen
        for _ in range(3):
            for write in writes:
                assert_unavailable(write())
            for session in sessions:
                assert client.me(session.access).status == 200
                assert client.call("GET", "/api/products", bearer=session.access).status == 200
                assert client.refresh(session.transport, session.refresh).status == 200, "the same successor again"
            successors = [live_on(client, *pair) for pair in zip(TRANSPORTS, successors, strict=True)]
    assert [write().status for write in writes] == [200, 200, 202]
    assert [client.refresh(*pair).gen for pair in zip(TRANSPORTS, successors, strict=True)] == [5, 5]
    for session in sessions:
        assert client.refresh(session.transport, session.refresh).code == "token_reused", "what was used is known again"
    assert server.worker_pids == pids
    assert [tuple(row) for row in rows(server, "PRAGMA integrity_check")] == [("ok",)]
    print(
        f"L11: {3 * len(writes)} writes 503 with Retry-After, 24 reads 200, {len(writes)} writes well with room again"
    )


def test_a_sign_out_that_could_not_be_stored_says_so_and_works_when_it_is_tried_again(
    server: LiveServer, client: Client, disk: Disk
) -> None:
    """V03, L11: by the API with each kind of token, and on the page."""
    by_access, by_refresh, watcher = (client.sign_in("body") for _ in range(3))
    by_cookie = client.sign_in("cookie")
    sign_outs: list[Callable[[], Reply]] = [
        lambda: client.call("POST", "/api/logout", bearer=by_access.access),
        lambda: client.call("POST", "/api/logout", body={"refresh_token": by_refresh.refresh}),
        lambda: client.call("POST", "/api/logout", cookie=by_cookie.refresh),
    ]
    sessions = [by_access, by_refresh, by_cookie]
    browser = Browser(server).open("/login")
    assert browser.send(email=EMAIL, password=PASSWORD).status_code == 303
    browser.open("/account")
    with disk.full(server):
        for sign_out in sign_outs:
            assert_unavailable(sign_out())
        page = browser.send_to("/logout")
        assert (page.status_code, "Set-Cookie" in page.headers) == (503, False)
        assert int(page.headers["Retry-After"]) > 0
        assert {session.sid for session in sessions} < _listed(client, watcher.access)
        assert [client.me(session.access).status for session in sessions] == [200] * 3
        browser.open("/account")
    assert [sign_out().status for sign_out in sign_outs] == [204] * 3
    assert browser.send_to("/logout").status_code == 303
    assert _listed(client, watcher.access).isdisjoint(session.sid for session in sessions)
    assert {client.me(session.access).code for session in sessions} == {"session_ended"}
    browser.close()
    print("V03: 4 sign-outs 503 while nothing could be stored, in force when tried again")


def _listed(client: Client, access: str) -> set[str]:
    return {item["id"] for item in client.call("GET", "/api/sessions", bearer=access).body["items"]}
