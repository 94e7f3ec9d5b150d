"""`flask keys new`: keys that can be set as they are printed."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask

from tests.support.command_line import run
from tests.support.settings import make_settings
from webapp.config import Settings

pytestmark = pytest.mark.usefixtures("clock")


def test_a_new_key_is_long_random_and_stored_nowhere(app: Flask) -> None:
    keys = [run(app, "keys", "new").output.strip() for _ in range(2)]
    keys.append("SECRET_KEY=" + json.loads(run(app, "keys", "new", "--json").output)["SECRET_KEY"])
    assert len(set(keys)) == 3
    assert all(re.fullmatch(r"SECRET_KEY=[\w-]{64}", key) for key in keys)
    make_settings(secret_key=keys[0].partition("=")[2])


@pytest.mark.parametrize("curve", ["ed25519", "p-256"])
def test_a_new_signing_key_can_be_set_as_it_is_printed(app: Flask, tmp_path: Path, curve: str) -> None:
    line = run(app, "keys", "new", "--signing", curve).output
    assert line.count("\n") == 1
    (tmp_path / "env").write_text(line + "APP_ENV=development\n")
    (key,) = Settings(_env_file=tmp_path / "env", secret_key="k" * 40).key_pairs
    assert key.jwk
    assert key.jwk["crv"].lower() == curve
