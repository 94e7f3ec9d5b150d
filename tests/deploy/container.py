"""A container without a daemon: the image's tree, its user and its environment, on this machine."""

import os
import subprocess
from pathlib import Path

from tests.deploy.dockerfile import read_stages
from webapp.config import ROOT

BUILDER, IMAGE = read_stages(ROOT / "Dockerfile")
UID = 10001


def as_nobody(command: list[str]) -> list[str]:
    """Let root become the image's user, who may not write where it is not allowed to; others are no root anyway."""
    if os.geteuid() != 0:
        return command
    # Reading is granted anew: the interpreter of this machine may be in a folder of root's, as the image's never is.
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "--no-new-privs"]
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *reading, *command]


def run(command: list[str], tree: Path, settings: dict[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        as_nobody(command), cwd=tree, env=settings, input=given, capture_output=True, text=True, check=False, timeout=60
    )
