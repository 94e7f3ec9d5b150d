"""docs/operations.md is true: its commands run, its examples are what the product says, its files are taken.

What it tells of backups, of rights and of alerts is run in tests/faults and tests/test_grafana_dashboard.py."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.fences import fence, replaced, shell
from tests.support.live import LiveServer, free_port
from tests.support.proxies import find_nginx
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT
from webapp.database import POOL_SIZE, READ_POOL_SIZE

DOCUMENT = "docs/operations.md"
OLD_KEY = "the-old-key-0123456789-abcdefghijklmnopqrstu"
JOHN = {"email": people.EMAIL, "password": people.PASSWORD}
SERVICE = "introspection-secret-0123456789-abcdef"
Live = Callable[..., AbstractContextManager[LiveServer]]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: the documents' commands are the same on both engines."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def settings(database_url: str) -> dict[str, str]:
    """What an operator's shell has: the settings of an installation."""
    return {"APP_ENV": "development", "SECRET_KEY": SECRET_KEY, "DATABASE_URL": database_url}


def test_the_line_of_the_log_has_the_fields_of_a_real_one(live: Live) -> None:
    shown = json.loads(fence(DOCUMENT, '{"at":'))
    with live(log_format="json", workers=1) as server:
        signed_in = requests.post(f"{server.url}/api/login", json=JOHN, timeout=20).json()
        bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
        requests.get(f"{server.url}/api/me", headers=bearer, timeout=20)
        [line] = [json.loads(line) for line in server.log.splitlines() if '"GET /api/me 200' in line]
    assert list(line) == list(shown)
    assert {name: type(value) for name, value in line.items()} == {name: type(shown[name]) for name in shown}
    same = ("level", "logger", "method", "path", "status", "user_id", "renewed")
    assert [line[name] for name in same] == [shown[name] for name in same]


def test_events_are_listed_and_purged(settings: dict[str, str]) -> None:
    listed, purged = shell(fence(DOCUMENT, "flask --app wsgi events list"), settings).splitlines()
    assert json.loads(listed) == []
    assert "0" in purged


def test_new_keys_are_printed_as_settings_have_them(settings: dict[str, str]) -> None:
    secret, signing = shell(fence(DOCUMENT, "flask --app wsgi keys new"), settings).splitlines()
    assert secret.startswith("SECRET_KEY=") and len(secret) > 60
    assert signing.startswith("JWT_SIGNING_KEY=-----BEGIN PRIVATE KEY-----\\n")


def test_seeds_are_sealed_anew_and_everybody_is_signed_out(settings: dict[str, str]) -> None:
    block = replaced(fence(DOCUMENT, "SECRET_KEY_PREVIOUS="), {"the-old-key": OLD_KEY})
    assert shell(block, settings) == "Sealed 0 seeds anew; 0 are opened by no key.\nEnded 0 sessions.\n"


def test_a_service_asks_about_a_token(live: Live) -> None:
    block = fence(DOCUMENT, "curl -u reports:THE-SECRET")
    with live(introspection_clients=f"reports:{SERVICE}", workers=1) as server:
        access = requests.post(f"{server.url}/api/login", json=JOHN, timeout=20).json()["access_token"]
        there = {"THE-SECRET": SERVICE, "https://accounts.example.com": server.url}
        good = shell(replaced(block, {**there, "eyJ…": access}), server.settings)
        bad = shell(replaced(block, {**there, "eyJ…": "eyJ"}), server.settings)
    assert (json.loads(good)["active"], json.loads(good)["sub"]) == (True, "1")
    assert json.loads(bad) == {"active": False}


@pytest.mark.parametrize("begin", ["# prometheus.yml", "scrape_configs:"])
def test_prometheus_is_let_in_as_its_file_says(live: Live, begin: str) -> None:
    [job] = yaml.safe_load(fence(DOCUMENT, begin))["scrape_configs"]
    assert job.keys() <= {"job_name", "scheme", "authorization", "static_configs"}
    target = job["static_configs"][0]["targets"][0]
    token = "a-token-of-metrics-0123456789"
    headers = {"Host": target, **({"Authorization": f"Bearer {token}"} if "authorization" in job else {})}
    with live(metrics_token=token, workers=1) as server:
        is_local = target.startswith("localhost")
        headers["Host"] = server.url.removeprefix("http://") if is_local else headers["Host"]
        assert job.get("scheme", "http") == ("http" if is_local else "https")
        if not is_local:
            server.restart(app_env="production", public_url=f"https://{target}")
        reply = requests.get(f"http://127.0.0.1:{server.port}/metrics", headers=headers, timeout=20)
    assert reply.status_code == requests.codes.ok
    assert "evergreen_build_info" in reply.text


def test_a_worker_s_connections_are_as_many_as_it_may_open() -> None:
    each = POOL_SIZE + READ_POOL_SIZE
    assert f"more connections than PostgreSQL grants ({each} each)" in (ROOT / DOCUMENT).read_text()
    assert f"opens up to {each} connections" in (ROOT / "docs/deploy.md").read_text()


@contextmanager
def nginx(folder: Path, location: str) -> Iterator[str]:
    """nginx with that location beside one that takes everything; yield its address."""
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port};\n"
        f"{location} location / {{ return 200 ok; }} }} }}\n"
    )
    process = subprocess.Popen([find_nginx(), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"])
    retries = requests.adapters.HTTPAdapter(max_retries=requests.adapters.Retry(8, backoff_factor=0.05))
    try:
        with requests.Session() as client:
            client.mount("http://", retries)
            assert client.get(f"http://127.0.0.1:{port}/", timeout=5).text == "ok"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(15)


def test_the_location_for_nginx_keeps_the_metrics_back(tmp_path: Path) -> None:
    with nginx(tmp_path, fence(DOCUMENT, "location = /metrics")) as url:
        assert requests.get(f"{url}/metrics", timeout=5).status_code == requests.codes.not_found
        assert requests.get(f"{url}/metrics/", timeout=5).status_code == requests.codes.ok
