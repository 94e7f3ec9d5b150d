"""The systemd units: what they start exists, what they promise gunicorn keeps, and they may do little else."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from flask import Flask

from tests.deploy.container import IMAGE
from tests.faults.servers import reload, wait_for_workers
from tests.support.command_line import run
from webapp.config import ROOT
from webapp.doctor.housekeeping import EVENTS_AT_MOST

UNITS = ("evergreen@.service", "evergreen-purge.service", "evergreen-purge.timer")
WITHIN = 30  # seconds
WORST_EXPOSURE = 18  # tenths: ours have 14 at most, a unit without hardening 96; versions of systemd differ a little


def read_unit(name: str) -> dict[str, list[str]]:
    """Return the values of each setting of a unit, in their order, whatever its section."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "deploy" / name).read_text().splitlines():
        if line and line[0] not in "#[;":
            key, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(key, []).append(value)
    return found


SERVER, PURGE, TIMER = map(read_unit, UNITS)


def graceful_timeout() -> int:
    return int(re.search(r"^graceful_timeout = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.M)[1])


def test_the_service_starts_what_the_image_starts_and_waits_for_requests_under_way() -> None:
    assert SERVER["ExecStart"] == [f"/opt/evergreen/current/.venv/bin/{' '.join(IMAGE.command('CMD'))}"]
    assert "PORT=%i" in SERVER["Environment"][0]
    assert int(SERVER["TimeoutStopSec"][0]) > graceful_timeout()
    assert SERVER["Restart"] == ["on-failure"]
    # SIGTERM to the master alone: a worker that got one as well would be replaced while the master stops.
    assert SERVER["KillMode"] == ["mixed"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_purge_is_of_commands_that_there_are_and_runs_every_night(app: Flask) -> None:
    """Of what is over, and of events that are older than doctor likes."""
    started = [line.split() for line in PURGE["ExecStart"]]
    assert [words[:3] for words in started] == [["/opt/evergreen/current/.venv/bin/flask", "--app", "wsgi"]] * 2
    assert [words[3:5] for words in started] == [["sessions", "purge"], ["events", "purge"]]
    assert [run(app, *words[3:]).exit_code for words in started] == [0, 0]
    assert timedelta(days=int(started[1][-1])) < EVENTS_AT_MOST - timedelta(days=1), "with a night to spare"
    assert TIMER["OnCalendar"] == ["*-*-* 03:20:00"]
    assert TIMER["Persistent"] == ["true"]
    assert "Restart" not in PURGE


@pytest.mark.parametrize("unit", [SERVER, PURGE])
def test_nothing_can_be_gained_or_written_by_a_service_that_was_taken_over(unit: dict[str, list[str]]) -> None:
    demanded = {
        "User": "evergreen",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "MemoryDenyWriteExecute": "yes",
        "StateDirectoryMode": "0700",
        "UMask": "0077",
    }
    assert {key: unit[key][0] for key in demanded} == demanded
    assert unit["ReadWritePaths"] == ["-/opt/evergreen/current/instance"]


def test_the_server_may_let_hashes_give_way_to_short_calls() -> None:
    """By setpriority(2): webapp/passwords.py goes on without where it is refused. The later of two lines counts."""
    *_, refused, allowed = SERVER["SystemCallFilter"]
    assert (refused, allowed) == ("~@privileged @resources", "setpriority")


def test_systemd_itself_finds_nothing_wrong_and_little_exposed(tmp_path: Path) -> None:
    """Where systemd is installed; the tests above read the units by themselves."""
    if not (program := shutil.which("systemd-analyze")):
        pytest.skip("systemd is not installed: it has not read the units here")
    for name in UNITS:
        text = (ROOT / "deploy" / name).read_text()
        # Programs that exist on this machine, in place of those that the operator installs.
        text = re.sub(r"/opt/evergreen/current/\.venv/bin/\S+", "/bin/true", text)
        (tmp_path / name.replace("@.", "@8000.")).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    verified = subprocess.run([program, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    for unit in (unit for unit in units if unit.endswith(".service")):
        rating = [program, "security", "--offline=true", "--no-pager", f"--threshold={WORST_EXPOSURE}", unit]
        done = subprocess.run(rating, capture_output=True, text=True, check=False)
        print(done.stdout.splitlines()[-1].strip())
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_server_tells_systemd_that_it_is_ready_and_a_reload_keeps_it_serving(
    live: Callable[..., object], tmp_path: Path
) -> None:
    """Type=notify and ExecReload=kill -HUP."""
    assert (SERVER["Type"], SERVER["NotifyAccess"]) == (["notify"], ["main"])
    assert SERVER["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(WITHIN)
        with live(preload=False, notify_socket=tmp_path / "notify") as server:
            assert b"READY=1" in systemd.recv(4096)
            wait_for_workers(server, 2)
            reload(server)
            assert requests.get(f"{server.url}/healthz", timeout=WITHIN).ok
            assert server.process.poll() is None
