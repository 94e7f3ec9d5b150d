"""The doctor as a whole: a sound installation, what is printed, what happens where nothing answers or
can start, and the list."""

import errno
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.doctor.conftest import complaints, findings
from tests.faults.smtp_servers import tar_pit
from tests.support.command_line import flask
from tests.support.live import free_port
from webapp.config import ROOT
from webapp.doctor import database, examine_failed_start, limits, mail
from webapp.doctor.findings import FINDABLE, within

SOUND_SUBJECTS = {"settings", "lifetimes", "cookies", "network", "cors", "limits", "mail", "database", "migrations"}


def test_a_sound_installation_has_nothing_to_mend(clinic: Callable[..., Flask]) -> None:
    app = clinic()
    assert complaints(app) == {}
    assert {finding.subject for finding in findings(app)} == SOUND_SUBJECTS


def test_what_matters_most_is_said_last_and_no_secret_is(clinic: Callable[..., Flask]) -> None:
    app = clinic(
        mail_url="smtp://us:hunter2@127.0.0.1:1",
        ratelimit_storage_uri="redis://:hunter2@127.0.0.1:1/0",
        refresh_token_leeway_seconds=0,
        cors_origins=("https://accounts.example.com",),
    )
    result = app.test_cli_runner().invoke(args=["doctor"])
    lines = result.output.splitlines()
    assert (result.exit_code, len(lines)) == (1, len(findings(app)))
    levels = [re.fullmatch(r"(ok  |warn|fail) [a-z]+: .+", line)[1].strip() for line in lines]  # type: ignore[index]
    assert levels == sorted(levels, key=["ok", "warn", "fail"].index)
    assert levels.count("warn") == 2
    assert levels.count("fail") == 2
    assert "hunter2" not in result.output


@pytest.mark.parametrize(("leeway", "level"), [(30, "ok"), (0, "warn")])
def test_only_what_fails_makes_the_command_fail(clinic: Callable[..., Flask], leeway: int, level: str) -> None:
    result = clinic(refresh_token_leeway_seconds=leeway).test_cli_runner().invoke(args=["doctor", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.output)
    assert all(row.keys() == {"level", "code", "subject", "message"} for row in rows)
    assert rows[-1]["level"] == level
    assert {row["code"] for row in rows} - {""} == ({"leeway-none"} if level == "warn" else set())


def test_servers_that_never_answer_do_not_keep_the_doctor(
    make_app: Callable[..., Flask], sound: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (database, limits, mail):
        monkeypatch.setattr(module, "PATIENCE", 0.5)
    port = free_port()
    sound |= {
        "mail_url": f"smtp://127.0.0.1:{port}",
        "ratelimit_storage_uri": f"redis://127.0.0.1:{port}/0",
        "database_url": f"postgresql+psycopg://u@127.0.0.1:{port}/x",
    }
    with tar_pit(port) as pit:
        found = complaints(make_app(**sound))
        assert found.keys() == {"mail-unreachable", "redis-unreachable", "database-unreachable"}
        assert all("(TimeoutError)" in message for message in found.values())
        assert len(pit.caught) == 3


# --- where nothing can start -----------------------------------------------------------------------------


def mistaken(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with two settings that are wrong, unless the environment says otherwise."""
    wrong = {"SECRET_KEY": "hunter2", "PUBLIC_URL": "http://example.com"}
    return flask(*arguments, **{**wrong, "DATABASE_URL": f"sqlite:///{folder}/evergreen.db", **environment})


def test_wrong_settings_are_findings_each_without_its_value(tmp_path: Path) -> None:
    done = mistaken(tmp_path, "doctor", PORT="http", DATABASE_URI="sqlite:///x")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[0] == "warn settings: DATABASE_URI in the environment is read by nothing: write DATABASE_URL"
    assert [line.partition(": ")[0] for line in lines[1:]] == ["fail settings"] * 3
    assert [name in done.stdout for name in ("SECRET_KEY", "PUBLIC_URL", "PORT")] == [True] * 3
    assert "hunter2" not in done.stdout


def test_wrong_settings_are_findings_as_json_too(tmp_path: Path) -> None:
    done = mistaken(tmp_path, "doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    rows = json.loads(done.stdout)
    assert [(row["level"], row["code"]) for row in rows] == [("fail", "settings-wrong")] * 2


def test_other_commands_say_what_is_wrong_on_standard_error(tmp_path: Path) -> None:
    done = mistaken(tmp_path, "users", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Evergreen cannot start:\n")
    assert len(done.stderr.splitlines()) == 3


def test_an_env_file_that_cannot_be_read_is_a_finding_and_the_folder_of_the_code_stays_as_it_is() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", str(ROOT / ".env"))
    [finding] = [finding for finding in examine_failed_start(error, environment={}) if finding.code == "env-closed"]
    assert "chgrp it" in finding.message
    assert "folder" not in finding.message


def test_a_folder_that_cannot_be_made_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sound = {"SECRET_KEY": "a key that is long enough: 0123456789", "PUBLIC_URL": "https://example.com"}
    done = mistaken(tmp_path, "doctor", "--json", **sound, DATABASE_URL=f"sqlite:///{tmp_path}/file/x/evergreen.db")
    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["code"]) == (1, "folder-missing")
    assert f"{tmp_path}/file" in row["message"]
    assert "Traceback" not in done.stderr


# --- the list --------------------------------------------------------------------------------------------


def test_the_documentation_lists_what_can_be_found_with_its_level() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (warn|fail) \| [^|]+ \| [^|]+ \|$", (ROOT / "docs/operations.md").read_text(), re.M
    )
    assert len(rows) == len(dict(rows)), "each once"
    assert dict(rows) == {code: level for code, (level, _) in FINDABLE.items()}


def test_the_list_holds_what_the_code_finds_and_nothing_else() -> None:
    code = "".join(path.read_text() for path in (ROOT / "webapp/doctor").glob("*.py"))
    assert set(re.findall(r'wrong\(\s*"([a-z-]+)"', code)) == FINDABLE.keys()


def test_what_takes_too_long_is_left_to_itself() -> None:
    import threading

    never = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, never.wait)
    never.set()
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)
    assert within(10, lambda: "answer") == "answer"
