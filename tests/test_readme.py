"""README and docs/clients.md are true: their curl walks run word for word, and the settings table is current."""

import json
import re
import subprocess
from pathlib import Path

from tests.support.live import LiveServer
from tests.support.services import require_program
from webapp.config import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def walk(document: str) -> str:
    """Return the one block of bash of a document: its curl walk."""
    [block] = re.findall(r"```bash\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def printed_by(block: str, server: LiveServer, folder: Path) -> list[str]:
    """Run a walk word for word against `server`; return the lines that it printed."""
    require_program("curl")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env={**server.settings, "BASE": server.url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_curl_walk_of_the_readme_runs_word_for_word(live, tmp_path: Path) -> None:
    with live(auto_refresh_threshold_minutes=1439.9) as server:
        lines = printed_by(walk("README.md"), server, tmp_path)
    me, products, first, second, signed_out, new_token, refresh_token = lines
    assert json.loads(me)["email"] == "test@test.com"
    assert json.loads(products)["per_page"] == 2
    assert (first, second) == ("86400", "86400")
    assert (signed_out, new_token, refresh_token) == ("204", "401", "401")


def test_the_curl_walk_of_the_clients_runs_word_for_word(live, tmp_path: Path) -> None:
    with live() as server:
        assert printed_by(walk("docs/clients.md"), server, tmp_path) == ["test@test.com", "bearer", "204"]


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
