"""The doctor on settings: each mistake is made, found by its name, and nothing else is found."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.doctor.conftest import complaints, findings
from tests.support.settings import SECRET_KEY
from webapp.doctor import places

TOO_MANY = 2 * (os.cpu_count() or 1) + 2
SITE = "https://accounts.example.com"


@pytest.mark.parametrize(
    ("code", "changes", "remedy"),
    [
        ("key-guessable", {"secret_key": "0123456789abcdef" * 3}, "keys new"),
        ("key-guessable", {"secret_key": SECRET_KEY}, "keys new"),
        ("key-guessable", {"secret_key": "a-string-secret-at-least-256-bits-long"}, "keys new"),
        ("access-token-long", {"access_token_expire_minutes": 7 * 1440 + 1}, "1440"),
        ("access-token-cut", {"session_max_days": 0.5, "refresh_token_expire_days": 0.5}, "raise the other"),
        ("idle-lifetime-cut", {"refresh_token_expire_days": 31}, "SESSION_MAX_DAYS"),
        ("rotation-late", {"refresh_token_rotate_hours": 48, "refresh_token_expire_days": 2}, "set 24"),
        ("threshold-wide", {"auto_refresh_threshold_minutes": 720}, "set a tenth"),
        ("leeway-none", {"refresh_token_leeway_seconds": 0}, "set 30"),
        ("refresh-off", {"refresh_token_enabled": False, "refresh_token_expire_days": 30}, "remove them"),
        ("public-url-local", {"public_url": "https://localhost:8443"}, "address that people use"),
        ("public-url-local", {"public_url": "https://127.0.0.1"}, "address that people use"),
        ("tls-missing", {"host": "0.0.0.0", "trusted_proxies": 0}, "TRUSTED_PROXIES=1"),  # noqa: S104 - what is examined, nothing listens
        ("proxy-unknown", {"trusted_proxies": 0}, "set TRUSTED_PROXIES=1"),
        ("proxy-avoidable", {"host": "0.0.0.0"}, "HOST=127.0.0.1"),  # noqa: S104 - what is examined, nothing listens
        ("proxy-avoidable", {"host": "::"}, "HOST=127.0.0.1"),
        ("cors-plain", {"cors_origins": ("http://app.example.com",)}, "use https"),
        ("cors-own", {"cors_origins": ("https://app.example.com", SITE)}, "number 2"),
        (
            "cors-cookie-lost",
            {"cors_origins": ("https://app.example.org",), "refresh_token_transports": ("cookie",)},
            "REFRESH_TOKEN_TRANSPORTS=cookie,body",
        ),
        ("limits-off", {"ratelimit_enabled": False}, "RATELIMIT_ENABLED=true"),
        ("limits-per-worker", {"web_concurrency": 2}, "RATELIMIT_STORAGE_URI"),
    ],
)
def test_each_mistake_is_found_with_its_remedy(
    clinic: Callable[..., Flask], code: str, changes: dict[str, Any], remedy: str
) -> None:
    found = complaints(clinic(**changes))
    assert found.keys() == {code}
    assert remedy in found[code]


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token_expire_minutes": 7 * 1440},
        {"access_token_expire_minutes": 1440, "session_max_days": 1, "refresh_token_expire_days": 1},
        {"refresh_token_rotate_hours": 47, "refresh_token_expire_days": 2},
        {"refresh_token_rotate_hours": 720},  # sessions end then, whatever is done
        {"auto_refresh_threshold_minutes": 719},
        {"auto_refresh_threshold_minutes": 0},
        {"refresh_token_leeway_seconds": 1},
        {"refresh_token_enabled": False, "access_token_expire_minutes": 30 * 1440},
        {"host": "::1"},
        {"public_url": "https://localhost.example.com"},
        {"cors_origins": ("https://app.example.com", "https://app.example.org")},
        {"cors_origins": ("https://app.example.com",), "refresh_token_transports": ("cookie",)},
    ],
)
def test_what_is_just_right_is_no_mistake(clinic: Callable[..., Flask], changes: dict[str, Any]) -> None:
    assert complaints(clinic(**changes)) == {}


def test_more_workers_than_the_cores_can_use_are_found(clinic: Callable[..., Flask]) -> None:
    assert complaints(clinic(web_concurrency=TOO_MANY - 1)).keys() == {"limits-per-worker"}
    found = complaints(clinic(web_concurrency=TOO_MANY))
    assert found.keys() == {"limits-per-worker", "workers-many"}
    assert f"set at most {TOO_MANY - 1}" in found["workers-many"]


def test_a_front_end_of_another_site_is_told_which_transport_works(clinic: Callable[..., Flask]) -> None:
    app = clinic(cors_origins=("https://app.example.org",))
    assert any("app.example.org" in found.message and "transport body" in found.message for found in findings(app))


def test_http_and_https_of_one_domain_are_two_sites(clinic: Callable[..., Flask]) -> None:
    app = clinic(cors_origins=("http://app.example.com",), refresh_token_transports=("cookie",))
    assert complaints(app).keys() == {"cors-plain", "cors-cookie-lost"}


def test_a_container_may_listen_everywhere_behind_its_proxy(
    clinic: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "CONTAINER_MARKS", (tmp_path,))
    assert complaints(clinic(host="0.0.0.0")) == {}  # noqa: S104 - what is examined, nothing listens


def test_gunicorn_with_a_certificate_needs_no_proxy(clinic: Callable[..., Flask]) -> None:
    app = clinic(host="0.0.0.0", trusted_proxies=0)  # noqa: S104 - what is examined, nothing listens
    assert complaints(app, GUNICORN_CMD_ARGS="--certfile=chain.pem --keyfile=key.pem") == {}


def test_a_certificate_that_only_env_names_is_none(clinic: Callable[..., Flask], tmp_path: Path) -> None:
    """flask takes it out of `.env`, gunicorn does not, and speaks plain http."""
    write_env(tmp_path, "PGSSLCERT=chain.pem\nGUNICORN_CMD_ARGS=--certfile=${PGSSLCERT}\n")
    app = clinic(host="0.0.0.0", trusted_proxies=0)  # noqa: S104 - what is examined, nothing listens
    assert "tls-missing" in complaints(app, GUNICORN_CMD_ARGS="--certfile=chain.pem")
    assert "tls-missing" not in complaints(app, GUNICORN_CMD_ARGS="--certfile=another.pem")


def test_development_is_no_production(clinic: Callable[..., Flask]) -> None:
    found = complaints(clinic(app_env="development", public_url="http://localhost:8000", secret_key=SECRET_KEY))
    assert found.keys() == {"development"}
    assert "APP_ENV=production" in found["development"]


@pytest.mark.parametrize(
    ("value", "codes"), [("1", {"debug-on"}), ("on", {"debug-on"}), ("0", set()), ("False", set())]
)
def test_debugging_is_not_for_production(clinic: Callable[..., Flask], value: str, codes: set[str]) -> None:
    assert complaints(clinic(), FLASK_DEBUG=value).keys() == codes


def test_production_does_not_share_the_key_of_development(
    clinic: Callable[..., Flask], sound: dict[str, Any], instance: Path
) -> None:
    key = instance / "secret_key"
    key.write_text(f"{sound['secret_key']}\n")
    key.chmod(0o600)
    found = complaints(clinic())
    assert found.keys() == {"key-of-development"}
    assert "keys new" in found["key-of-development"]
    assert sound["secret_key"] not in str(found)


# --- names that nothing reads ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("REFRESH_TOKEN_EXPIRE_DAY=7", "write REFRESH_TOKEN_EXPIRE_DAYS"),
        ("auto_refresh_treshold_minutes=60", "write AUTO_REFRESH_THRESHOLD_MINUTES"),
        ("JWT_SECRET_KEY=hunter2", "write SECRET_KEY"),
        ("SQLALCHEMY_DATABASE_URI=sqlite:///x", "write DATABASE_URL"),
        ("SOMETHING_ELSE=hunter2", "remove it"),
        ("GUNICORN_CMD_ARGS=--keyfile=hunter2", "unit's Environment="),
        ("PROMETHEUS_MULTIPROC_DIR=hunter2", "unit's Environment="),
    ],
)
def test_a_name_in_env_that_nothing_reads_is_found_with_the_one_that_is_meant(
    clinic: Callable[..., Flask], tmp_path: Path, line: str, meant: str
) -> None:
    write_env(tmp_path, f"PORT=8000\n{line}\nPOSTGRES_PASSWORD=hunter2\n")
    found = complaints(clinic())
    assert found.keys() == {"setting-unknown"}
    assert line.partition("=")[0].upper() in found["setting-unknown"]
    assert meant in found["setting-unknown"]
    assert "hunter2" not in found["setting-unknown"]


def test_in_the_environment_only_names_that_are_nearly_right_are_found(clinic: Callable[..., Flask]) -> None:
    ordinary = {"PATH": "/bin", "HOSTNAME": "web", "HOME": "/", "LOGNAME": "x", "MAIL": "x", "REDIS_URL": "redis://x"}
    read_by_libpq = {"PGHOST": "db.example.com", "PGPORT": "5432"}
    assert complaints(clinic(), **ordinary, **read_by_libpq, PORT="8000", WEB_CONCURRENCY="1") == {}
    found = complaints(clinic(), **ordinary, DATABASE_URI="postgresql://u:hunter2@host/name")
    assert found.keys() == {"setting-unknown"}
    assert "write DATABASE_URL" in found["setting-unknown"]
    assert "hunter2" not in found["setting-unknown"]


def write_env(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text)
    path.chmod(0o600)
    return path
