"""The README is true: its curl walk runs word for word, and its settings table is current."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.services import require_program
from webapp.config import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def walk() -> str:
    """The curl walk: the one block of bash in the README."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def test_the_curl_walk_runs_word_for_word(walk, live, tmp_path: Path) -> None:
    require_program("curl")
    with live(auto_refresh_threshold_minutes=1439.9) as server:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", walk],
            env={**server.settings, "BASE": server.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    me, products, first, second, signed_out, new_token, refresh_token = done.stdout.splitlines()
    assert json.loads(me)["email"] == "test@test.com"
    assert json.loads(products)["per_page"] == 2
    assert (first, second) == ("86400", "86400")
    assert (signed_out, new_token, refresh_token) == ("204", "401", "401")


def settings_table() -> str:
    """Return the settings as the README shows them, made from Settings itself."""
    lines = ["| name | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory else field.default
        text = ",".join(default) if isinstance(default, tuple) else str(default)
        text = text.lower() if isinstance(default, bool) else text
        lines.append(f"| `{name.upper()}` | {f'`{text}`' if text else '-'} | {field.description} |")
    return "\n".join(lines)


def test_the_settings_table_is_current() -> None:
    shown = re.search(r"<!-- settings:.*?-->\n(.*?)\n?<!-- /settings -->", README, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == settings_table(), f"put this into README.md:\n{settings_table()}"
