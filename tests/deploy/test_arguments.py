"""No secret is in the arguments of a process, which every user of a machine can read (O05)."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import click
import psutil
import pytest

from tests.faults.servers import wait_for_workers
from tests.support.command_line import commands
from tests.support.live import LiveServer
from webapp.config import ROOT

SECRETS = {
    "secret_key": "canary-key-0123456789-abcdefghijklmnopqrstuvwxyz",
    "secret_key_previous": "canary-previous-0123456789-abcdefghijklmnopqrs",
    "introspection_clients": "reports:canary-service-0123456789abcdefghijk",
    "mail_url": "smtp://canary-user:canary-password@127.0.0.1:9?tls=off",
    "metrics_token": "canary-metrics-token",
}
SECRET_NAME = re.compile(r"password|secret|token|key|code|credential", re.IGNORECASE)
DOCUMENTS = ["README.md", "Makefile", "Dockerfile", "compose.yaml", ".ci/run", "docs/deploy.md", "docs/operations.md"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_master_and_workers_show_no_secret_in_their_arguments(
    live: Callable[..., AbstractContextManager[LiveServer]],
) -> None:
    """O05."""
    with live(preload=False, **SECRETS) as server:
        wait_for_workers(server, 2)
        processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        arguments = [" ".join(process.cmdline()) for process in processes]
    assert len(arguments) >= 3
    assert all("gunicorn" in line for line in arguments)
    assert [line for line in arguments if "canary" in line] == []
    print(f"O05: {len(arguments)} processes, {arguments[0][-60:]!r}")


def test_no_command_needs_a_secret_among_its_arguments() -> None:
    """O05: one may be given so to `users create`, which asks for it, unseen, if it is not."""
    assert len(list(commands())) > 15
    takes = {
        f"{name} {parameter.name}": parameter
        for name, command in commands()
        for parameter in command.params
        if SECRET_NAME.search(str(parameter.name)) and getattr(parameter, "is_flag", False) is False
    }
    assert takes.keys() == {"users create password"}
    password = takes["users create password"]
    assert isinstance(password, click.Option)
    assert (bool(password.prompt), password.hide_input) == (True, True)
    assert "can be read by everybody" in str(password.help)


@pytest.mark.parametrize(
    "name", [*DOCUMENTS, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "deploy").iterdir())]
)
def test_what_we_tell_people_to_run_has_no_secret_among_its_arguments(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "--password " not in text
    assert "--password=" not in text
    assert "--requirepass" not in text
