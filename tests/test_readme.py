"""README and docs/clients.md are true: `make run` prints what they say, their curl walks run word for word, the diagram
and the settings table are current."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.fences import copy_product, fence, fences
from tests.support.live import STARTS_WITHIN, LiveServer, free_port
from tests.support.programs import clean_environment, started
from tests.support.services import require_program
from webapp.config import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


OF_THE_PRODUCT = ("Makefile", "gunicorn.conf.py", "migrations", "requirements.txt", "static", "templates", "webapp",
                  "wsgi.py")  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make run` needs, in a folder without data or .env, as if its packages were installed a moment ago."""
    folder = tmp_path / "evergreen"
    copy_product(OF_THE_PRODUCT, folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    os.utime(folder / "requirements.txt", (0, 0))
    return folder


@contextmanager
def made_to_run(checkout: Path, port: int) -> Iterator[list[str]]:
    """Serve by the README's first command; yield what it printed that is no line of the log."""
    command, printed = fence("README.md", "make run").split(), checkout / "printed"
    public_url = f"http://localhost:{port}"
    settings = clean_environment(PORT=str(port), PUBLIC_URL=public_url, WEB_CONCURRENCY="1", TMPDIR=str(checkout))
    with printed.open("w") as log, started(command, cwd=checkout, env=settings, output=log.fileno()) as make:
        deadline = time.monotonic() + 2 * STARTS_WITHIN
        while "Evergreen serves" not in printed.read_text():
            assert make.poll() is None and time.monotonic() < deadline, printed.read_text()
            time.sleep(0.05)
        yield re.findall(r"^(?:Demo user|Evergreen serves).*$", printed.read_text(), re.MULTILINE)


def test_make_run_prints_what_the_readme_says(checkout: Path) -> None:
    require_program("make")
    port = free_port()
    told = fence("README.md", "Demo user:").replace(":8000", f":{port}").splitlines()
    with made_to_run(checkout, port) as shown:
        assert shown == told
        for email, password in (line.removeprefix("Demo user: ").split(" / ") for line in told[:2]):
            body = {"email": email, "password": password}
            assert requests.post(f"http://localhost:{port}/api/login", json=body, timeout=20).ok
        users = ["sh", "-c", f"{re.findall('`(APP_ENV=.* wsgi) …`', README)[0]} users list"]
        done = subprocess.run(users, cwd=checkout, env=clean_environment(), capture_output=True, text=True, check=False)
        assert "\ttest@test.com\t" in done.stdout, done.stderr


def test_make_run_takes_nothing_from_the_settings_of_something_else_in_a_folder_above(checkout: Path) -> None:
    require_program("make")
    (checkout.parent / ".env").write_text(f"DATABASE_URL=sqlite:///{checkout.parent}/foreign.db\n")
    with made_to_run(checkout, free_port()):
        assert (checkout / "instance/evergreen.db").exists()
    assert not (checkout.parent / "foreign.db").exists()


def test_make_test_checks_everything_and_runs_every_test() -> None:
    require_program("make")
    command = [*fence("README.md", "make test").split(), "--dry-run", "--always-make"]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True)
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "djlint", "npm --prefix tests/js test"):
        assert tool in done.stdout
    left_out, taken_in = re.findall(r"^\.venv/bin/pytest (.*)$", done.stdout, re.MULTILINE)
    assert set(re.findall(r"--ignore=(\S+)", left_out)) == set(re.findall(r"tests/\S+", taken_in))
    assert [name for name in re.findall(r"tests/\S+", taken_in) if not (ROOT / name).is_dir()] == []


def test_the_diagram_leads_to_the_end_by_each_state() -> None:
    [diagram] = [text for language, text in fences("README.md") if language == "mermaid"]
    kind, direction, *lines = diagram.splitlines()
    assert (kind, direction.split()[0]) == ("stateDiagram-v2", "direction")
    arrows = [re.fullmatch(r"    (\S+) --> (\w+|\[\*\]): \S.*", line) for line in lines]
    assert all(arrows), lines
    steps = [arrow.groups() for arrow in arrows if arrow]
    reached, ending = {"[*]"}, {"[*]"}
    for _ in steps:
        reached |= {there for here, there in steps if here in reached}
        ending |= {here for here, there in steps if there in ending}
    states = {state for step in steps for state in step}
    assert reached == ending == states
    assert f"after {Settings.model_fields['refresh_token_leeway_seconds'].default} s" in diagram
    assert f"{Settings.model_fields['session_max_days'].default} days" in diagram


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
