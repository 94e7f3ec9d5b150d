"""What the description promises holds for whatever is sent: schemathesis, with all its checks, against the server.

What is chosen by chance is the same in each run, so that one that is red is red for what has changed;
`--hypothesis-seed=N` is for looking further."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.config import ROOT

SUPPORT = ROOT / "tests" / "support"
WITHIN = 540  # seconds; a minute later the whole run would be ended
SERVICE = "reports:introspection-secret-0123456789-abcdef"


def test_schemathesis_finds_nothing(live, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    seed = str(pytestconfig.getoption("hypothesis_seed") or 0)
    with live(introspection_clients=SERVICE) as server:
        command = (Path(sys.executable).with_name("st"), "--config-file", SUPPORT / "schemathesis.toml", "run")
        options = ("--checks", "all", "--max-examples", "20", "--seed", seed, "--no-color")
        done = subprocess.run(
            [*command, f"{server.url}/api/openapi.json", *options],
            env={
                **os.environ,
                "EVERGREEN_URL": server.url,
                "EVERGREEN_SERVICE": SERVICE,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 34" in done.stdout
