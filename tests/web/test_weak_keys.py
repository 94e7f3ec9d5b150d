"""No start with a weak key (T19)."""

import os
import subprocess
import sys

import pytest

from tests.support.live import free_port
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT, ConfigError, load_settings

PRODUCTION = {"APP_ENV": "production", "PUBLIC_URL": "https://accounts.example.com"}
WEAK = ("changeme", "secret", "your-256-bit-secret", SECRET_KEY[:31], "x" * 64, "abcabc" * 12, "secret" * 8,
        "please-change-me-please-change-me-now",
        "insert_your_secret_here_0123456789abcdef", "\N{EVERGREEN TREE}" * 7)  # fmt: skip


@pytest.mark.parametrize("key", WEAK)
def test_a_weak_key_is_refused_without_being_shown(monkeypatch, key) -> None:
    """T19: at least 32 bytes, and nobody's guess."""
    for name, value in {**PRODUCTION, "SECRET_KEY": key}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="SECRET_KEY") as refusal:
        load_settings()
    assert key not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "changeme", SECRET_KEY[:31]])
@pytest.mark.parametrize("command", ["gunicorn wsgi:app", "flask --app wsgi users list"])
def test_the_server_does_not_start_with_a_weak_key(tmp_path, command, key) -> None:
    """T19"""
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, "SECRET_KEY": key, "PORT": str(free_port()),
                   "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None)
    assert "SECRET_KEY" in said
    assert "Traceback" not in said
    assert not key or key not in said
