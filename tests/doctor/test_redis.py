"""The doctor on Redis: a real server with a password, and addresses where there is none."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from tests.doctor.conftest import complaints, findings
from tests.support.live import free_port
from tests.support.services import require_program
from tests.support.waiting import wait_until
from webapp.doctor import places

TIMEOUT = 10  # seconds
PASSWORD = "hunter2-of-redis"


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[int]:
    """The port of a Redis that asks for a password; it listens on tmp_path/redis.sock, too."""
    port = free_port()
    command = [require_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--unixsocket", str(tmp_path / "redis.sock"), "--requirepass", PASSWORD]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "Redis did not start")
        yield port
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def _answers(port: int) -> bool:
    with Redis(port=port, password=PASSWORD, socket_timeout=TIMEOUT) as redis:
        try:
            return bool(redis.ping())
        except Exception:
            return False


def test_redis_that_takes_our_password_is_sound(
    clinic: Callable[..., Flask], guarded_redis: int, tmp_path: Path
) -> None:
    app = clinic(web_concurrency=2, ratelimit_storage_uri=f"redis://:{PASSWORD}@127.0.0.1:{guarded_redis}/0")
    assert complaints(app) == {}
    assert PASSWORD not in str(findings(app))
    app = clinic(ratelimit_storage_uri=f"redis+unix://{tmp_path}/redis.sock?password={PASSWORD}")
    assert complaints(app) == {}


@pytest.mark.parametrize("address", ["redis://127.0.0.1:{port}/0", "redis://:hunter2@127.0.0.1:{port}/0"])
def test_redis_that_does_not_let_us_in_is_found(clinic: Callable[..., Flask], guarded_redis: int, address: str) -> None:
    found = complaints(clinic(ratelimit_storage_uri=address.format(port=guarded_redis)))
    assert found.keys() == {"redis-unreachable"}
    assert "AuthenticationError" in found["redis-unreachable"]
    assert "hunter2" not in found["redis-unreachable"]


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1/0", "redis+unix:///nowhere/redis.sock"])
def test_redis_that_does_not_answer_is_found(clinic: Callable[..., Flask], address: str) -> None:
    found = complaints(clinic(ratelimit_storage_uri=address))
    assert found.keys() == {"redis-unreachable"}
    assert "check RATELIMIT_STORAGE_URI" in found["redis-unreachable"]


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("redis://redis.invalid:6379/0", {"redis-plain", "redis-open"}),
        ("rediss://redis.invalid:6379/0", {"redis-open"}),
        ("redis://:hunter2@redis.invalid:6379/0", {"redis-plain"}),
        ("rediss://:hunter2@redis.invalid:6379/0", set()),
    ],
)
def test_redis_elsewhere_without_tls_or_password_is_found(
    clinic: Callable[..., Flask], address: str, codes: set[str]
) -> None:
    found = complaints(clinic(ratelimit_storage_uri=address))
    assert found.keys() == codes | {"redis-unreachable"}
    assert all("RATELIMIT_STORAGE_URI" in message and "hunter2" not in message for message in found.values())


def test_the_neighbour_of_a_container_needs_no_tls(
    clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = clinic(ratelimit_storage_uri="redis://redis:1/0")
    assert complaints(app).keys() == {"redis-plain", "redis-open", "redis-unreachable"}
    monkeypatch.setattr(places, "CONTAINER_MARKS", (tmp_path,))
    assert complaints(app).keys() == {"redis-unreachable"}
    elsewhere = clinic(ratelimit_storage_uri="redis://redis.invalid:1/0")
    assert complaints(elsewhere).keys() == {"redis-plain", "redis-open", "redis-unreachable"}
