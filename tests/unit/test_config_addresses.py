"""Settings: the addresses of the database and of the limits' Redis, and what may stand behind their ? (O01)."""

import pytest

from tests.unit.environment import PRODUCTION, load, refusal


@pytest.mark.parametrize(
    "uri",
    [
        *("redis://", "memcached://x", "redis://:pa/ss@localhost:6379/0", "redis://h:99999/0"),
        *("redis://localhost/abc", "redis://localhost/0/1", "rediss://localhost/-1"),
    ],
)
def test_a_place_for_limits_that_cannot_be_reached_is_refused(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """O01: a worker would fail over it when it starts."""
    assert "RATELIMIT_STORAGE_URI" in refusal(monkeypatch, **{**PRODUCTION, "RATELIMIT_STORAGE_URI": uri})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:hunter2@db/evergreen?sslmod=prefer",
        "postgresql+psycopg://u:hunter2@db/evergreen?prepare_threshold=1",
        "postgresql+psycopg://u:hunter2@db/evergreen?port=hunter2",
        "postgresql+psycopg://u:hunter2@/evergreen?host=a:1&host=b&host=c:2&port=1",
        "sqlite:////tmp/hunter2.db?timeout=abc",
        "sqlite:////tmp/hunter2.db?mode=ro",
    ],
)
def test_what_no_database_knows_behind_the_address_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """O01: each request and each command would fail over it."""
    message = refusal(monkeypatch, **PRODUCTION, DATABASE_URL=url)
    assert message.startswith("DATABASE_URL")
    assert "?" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?sslmode=verify-full&sslrootcert=/ca.pem",
        "?host=/var/run/postgresql",
        "?host=a:1&host=b:2",
        "?options=-cx=1",
    ],
)
def test_what_postgresql_knows_behind_the_address_is_taken(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    url = f"postgresql+psycopg:///evergreen{query}"
    assert load(monkeypatch, **PRODUCTION, DATABASE_URL=url).database_url == url


def test_a_limit_that_would_be_ours_all_the_same_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+psycopg://u:hunter2@db/evergreen?connect_timeout=9"
    message = refusal(monkeypatch, **PRODUCTION, DATABASE_URL=url)
    assert message.startswith("DATABASE_URL takes no connect_timeout")
    assert "hunter2" not in message


@pytest.mark.parametrize("query", ["foo=hunter2", "socket_timeout=hunter2", "db=hunter2", "protocol=9"])
def test_what_redis_does_not_know_behind_the_address_is_refused(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    """O01: sign-ins would fail over it, or the doctor."""
    uri = f"redis://:hunter2@127.0.0.1:6379/0?{query}"
    message = refusal(monkeypatch, **PRODUCTION, RATELIMIT_STORAGE_URI=uri)
    assert message.startswith("RATELIMIT_STORAGE_URI has something behind its ?")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "uri",
    [
        *("memory://", "redis://h", "redis://h/", "rediss://:pw@h:6380/15", "redis://[::1]:6379/0", "redis://h?db=1"),
        *("rediss://h/0?ssl_cert_reqs=none", "redis+unix:///run/redis.sock?password=pw"),
    ],
)
def test_what_redis_knows_is_taken(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    assert load(monkeypatch, **PRODUCTION, RATELIMIT_STORAGE_URI=uri).ratelimit_storage_uri == uri
