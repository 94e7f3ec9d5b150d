"""The key that development makes once and keeps for its owner only (O06, O09)."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import clean_environment, killed_in_time, started
from tests.unit.environment import load, refusal
from webapp import config
from webapp.keys import kept_secret_key


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which development keeps its key, in place of the checkout's own."""
    folder = tmp_path / "instance"
    monkeypatch.setattr(config, "INSTANCE", folder)
    return folder


def test_development_makes_a_key_once_and_keeps_it_for_its_owner_only(
    monkeypatch: pytest.MonkeyPatch, instance: Path
) -> None:
    """O06."""
    first = load(monkeypatch, APP_ENV="development").secret_key.get_secret_value()
    assert load(monkeypatch).secret_key.get_secret_value() == first
    assert len(first) >= 32
    assert [path.name for path in instance.iterdir()] == ["secret_key"]
    assert (instance / "secret_key").stat().st_mode & 0o777 == 0o600
    assert instance.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 64], ids=["empty", "blank", "short", "no text"])
def test_a_file_that_holds_no_key_is_named_with_the_way_to_another(
    monkeypatch: pytest.MonkeyPatch, instance: Path, content: bytes
) -> None:
    instance.mkdir()
    path = instance / "secret_key"
    path.write_bytes(content)
    told = f"{path} holds no key of 32 bytes or more: delete it, and a new one is made"
    assert refusal(monkeypatch, APP_ENV="development") == told
    path.unlink()
    assert load(monkeypatch, APP_ENV="development")


def test_two_folders_get_different_keys(tmp_path: Path) -> None:
    """O09."""
    assert kept_secret_key(tmp_path / "a") != kept_secret_key(tmp_path / "b")


def test_a_process_that_comes_second_takes_the_key_of_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = kept_secret_key(tmp_path)
    with monkeypatch.context() as patched:
        # It looked before the first one had written.
        patched.setattr(Path, "exists", lambda _: False)
        assert kept_secret_key(tmp_path) == first


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from webapp.keys import kept_secret_key; print('ready', flush=True);"
        "sys.stdin.readline(); print(kept_secret_key(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "instance")]
    with ExitStack() as running:
        processes = [
            running.enter_context(started(command, cwd=config.ROOT, env=clean_environment())) for _ in range(4)
        ]
        for process in processes:
            running.enter_context(killed_in_time(process))
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        keys = {process.communicate()[0] for process in processes}
    assert [len(key.strip()) >= 32 for key in keys] == [True]


def test_development_serves_plain_http_on_the_port_it_listens_on(
    monkeypatch: pytest.MonkeyPatch, instance: Path
) -> None:
    assert load(monkeypatch, APP_ENV="development").public_url == "http://localhost:8000"
    assert load(monkeypatch, APP_ENV="development", PORT="9000").public_url == "http://localhost:9000"
