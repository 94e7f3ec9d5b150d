"""What people notice behind a proxy while one server starts anew, and while there is none."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import requests

from tests.deploy.behind import Behind, production, serve_behind
from tests.faults.servers import start_again
from tests.support import people
from tests.support.live import LiveServer, serve
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import started
from tests.support.proxies import PROXIES, Proxy, find_nginx, prepare
from tests.support.services import require_program
from webapp.config import ROOT

JOHN = {"email": EMAIL, "password": PASSWORD}
HSTS = "max-age=31536000; includeSubDomains"
PATIENCE = 30  # seconds


@pytest.mark.parametrize("name", list(PROXIES))
def test_without_a_server_programs_are_told_to_come_back_and_nobody_is_signed_out(name: str, tmp_path: Path) -> None:
    """H05, H09: what the proxy says by itself looks like the API's errors, and leaves cookies alone."""
    with serve_behind(tmp_path, name) as behind, behind.client() as client:
        signed_in = client.post(f"{behind.url}/api/login", json={**JOHN, "transport": "cookie"})
        bearer, ours = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}, {"Origin": behind.url}
        behind.server.stop()
        replies = [
            client.get(f"{behind.url}/api/me", headers=bearer),
            client.post(f"{behind.url}/api/refresh", headers=ours),
        ]
        page = client.get(f"{behind.url}/login")
        start_again(behind.server)
        assert client.get(f"{behind.url}/api/me", headers=bearer).status_code == 200
        assert client.post(f"{behind.url}/api/refresh", headers=ours).status_code == 200
    for reply in replies:
        assert reply.status_code in (502, 503)
        assert (reply.json()["status"], reply.json()["code"]) == (reply.status_code, "unavailable")
        assert reply.json()["detail"] == "Try again in a few seconds."
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert (reply.headers["Retry-After"], reply.headers["Cache-Control"]) == ("5", "no-store")
        assert "Set-Cookie" not in reply.headers
    assert page.status_code in (502, 503)
    assert [reply.headers["Strict-Transport-Security"] for reply in (*replies, page)] == [HSTS] * 3


@contextmanager
def busy_clients(behind: Behind, count: int = 2) -> Iterator[Counter[str]]:
    """Clients that read, refresh and sign in until the block ends; yield what they were answered."""
    seen: Counter[str] = Counter()
    enough = Event()

    def work() -> None:
        with behind.client() as client:
            # nginx closes idle connections when it is reloaded, which HTTP/1.1 allows, and a client has to bear.
            client.headers["Connection"] = "close"
            while not enough.wait(0.05):  # the servers that start need the processor as well
                seen.update(_signed_in(behind, client))

    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join(PATIENCE)


def _signed_in(behind: Behind, client: requests.Session) -> Iterator[str]:
    """Sign in, and make some calls as that session; yield each answer's status, or what went wrong with it."""
    reply = client.post(f"{behind.url}/api/login", json={**JOHN, "transport": "body"}, timeout=PATIENCE)
    yield f"login {reply.status_code}"
    if not reply.ok:
        return
    bearer = {"Authorization": f"Bearer {reply.json()['access_token']}"}
    refresh = {"Authorization": f"Bearer {reply.json()['refresh_token']}"}
    for _ in range(10):
        yield f"me {client.get(f'{behind.url}/api/me', headers=bearer, timeout=PATIENCE).status_code}"
        reply = client.post(f"{behind.url}/api/refresh", headers=refresh, timeout=PATIENCE)
        yield f"refresh {reply.status_code}"


def shims(folder: Path, proxy: Proxy) -> str:
    """Put a `nginx` and a `systemctl` into a folder, as a machine has them; return it."""
    (folder / "bin").mkdir()
    arguments = f"-e {proxy.folder}/error.log -c {proxy.folder}/nginx.conf"
    # What systemd would do the test does, which knows the processes.
    scripts = {
        "nginx": f'exec {find_nginx()} {arguments} "$@"',
        "systemctl": f'echo "$*" > {folder}/wanted; while test -e {folder}/wanted; do sleep 0.05; done',
    }
    for name, script in scripts.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    return str(folder / "bin")


@contextmanager
def two_servers(folder: Path, proxy: Proxy) -> Iterator[dict[str, LiveServer]]:
    """Two servers over one database, by the names of their units."""
    url = people.database_with_john(folder)
    with ExitStack() as stack:
        servers = []
        for number in range(2):
            (folder / str(number)).mkdir()
            servers.append(stack.enter_context(serve(folder / str(number), url, workers=1, **production(proxy))))
        stack.enter_context(PROXIES["nginx"](proxy, *(server.port for server in servers)))
        yield {f"evergreen@{server.port}": server for server in servers}


def test_servers_that_restart_one_after_the_other_are_noticed_by_nobody(tmp_path: Path) -> None:
    """deploy/restart.sh, as docs/deploy.md has it for an upgrade."""
    for program in ("ss", "curl"):
        require_program(program)
    proxy = prepare(tmp_path / "nginx")
    with two_servers(tmp_path, proxy) as servers:
        ports = [unit.partition("@")[2] for unit in servers]
        environment = {"PATH": f"{shims(tmp_path, proxy)}:{os.environ['PATH']}", "SITE": f"{proxy.folder}/site.conf"}
        wanted, restarted = tmp_path / "wanted", []
        with (
            busy_clients(Behind(next(iter(servers.values())), proxy)) as seen,
            started([str(ROOT / "deploy/restart.sh"), *ports], cwd=tmp_path, env=environment) as script,
        ):
            while script.poll() is None:
                if wanted.exists() and (words := wanted.read_text().split()):
                    assert words[0] == "restart"
                    restart(servers[words[1]], seen)
                    restarted.append(words[1])
                    wanted.unlink()
                time.sleep(0.02)
            printed, complaints = script.communicate()
    print(f"two servers started anew, one after the other: {dict(seen)}")
    assert (script.returncode, complaints) == (0, "")
    assert printed.splitlines() == [f"{unit} serves." for unit in servers]
    assert restarted == list(servers)
    assert {answer.split()[1] for answer in seen} == {"200"}
    assert " down;" not in (proxy.folder / "site.conf").read_text()


def restart(server: LiveServer, seen: Counter[str]) -> None:
    """Stop the server, start it when the other one has answered a while alone."""
    server.stop()
    answered, deadline = seen.total(), time.monotonic() + PATIENCE
    while seen.total() < answered + 50:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    start_again(server)
