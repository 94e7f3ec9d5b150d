"""Who may read /metrics: the bearer of the token, and programs on this machine; to everybody else it is not there."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.databases import fresh_database

TOKEN = "a-token-of-metrics-0123456789"
HERE, ELSEWHERE = "127.0.0.1", "203.0.113.9"
LOCAL, PUBLIC = "http://localhost:8000", "https://accounts.example.com"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One engine is enough: no database is asked who may read them."""
    return fresh_database("sqlite", tmp_path)


@pytest.fixture
def public_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(public_url=PUBLIC, metrics_token=TOKEN)


def ask(
    app: Flask,
    *,
    peer: str | None = HERE,
    at: str = LOCAL,
    method: str = "GET",
    path: str = "/metrics",
    headers: dict[str, str] | None = None,
) -> TestResponse:
    environ: dict[str, Any] = {"REMOTE_ADDR": peer}
    client = app.test_client(use_cookies=False)
    return client.open(path, method=method, base_url=at, headers=headers, environ_overrides=environ)


def without_request_id(reply: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
    return reply.status_code, re.sub(r"[0-9a-f]{16}", "", reply.text), list(reply.headers)


# --- from this machine -----------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("at", [LOCAL, "http://127.0.0.1:9999", "http://LOCALHOST"])
def test_a_program_on_this_machine_may_read_them(public_app: Flask, peer: str, at: str) -> None:
    reply = ask(public_app, peer=peer, at=at)
    assert reply.status_code == 200
    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "evergreen_database_up 1.0" in reply.text.splitlines()
    assert ask(public_app, peer=peer, at=at, method="HEAD").status_code == 200


@pytest.mark.parametrize(
    "peer",
    [ELSEWHERE, "10.0.0.1", "192.168.0.1", "::", "::2", "::ffff:10.0.0.1", "fe80::1", "", None, "unix"],
)
@pytest.mark.parametrize("trusted_proxies", [0, 1])
def test_no_other_machine_may(make_app: Callable[..., Flask], peer: str | None, trusted_proxies: int) -> None:
    app = make_app(trusted_proxies=trusted_proxies)
    assert ask(app, peer=peer).status_code == 404
    pretending = {"X-Forwarded-For": HERE, "X-Real-IP": HERE, "Forwarded": f"for={HERE}"}
    assert ask(app, peer=peer, headers=pretending).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": ELSEWHERE},
        {"X-Forwarded-For": HERE},
        {"X-Forwarded-For": ""},
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-Proto": "http"},
        {"X-Forwarded-Port": "8000"},
        {"x-forwarded-server": "proxy"},
        {"X-Real-IP": HERE},
        {"Forwarded": f"for={HERE};host=localhost"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
@pytest.mark.parametrize("trusted_proxies", [0, 1])
def test_what_a_proxy_on_this_machine_passes_on_comes_from_the_world(
    make_app: Callable[..., Flask], headers: dict[str, str], trusted_proxies: int
) -> None:
    app = make_app(trusted_proxies=trusted_proxies)
    assert ask(app).status_code == 200
    assert ask(app, headers=headers).status_code == 404


def test_a_proxy_that_passes_the_name_on_is_known_by_it(public_app: Flask) -> None:
    assert ask(public_app, at=PUBLIC).status_code == 404


# --- with the token --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
@pytest.mark.parametrize("trusted_proxies", [0, 1])
def test_the_token_opens_them_from_anywhere(make_app: Callable[..., Flask], scheme: str, trusted_proxies: int) -> None:
    app = make_app(public_url=PUBLIC, metrics_token=TOKEN, trusted_proxies=trusted_proxies)
    headers = {"Authorization": f"{scheme} {TOKEN}", "X-Forwarded-For": ELSEWHERE, "X-Forwarded-Proto": "https"}
    assert ask(app, peer=HERE, at=PUBLIC, headers=headers).status_code == 200
    assert ask(app, peer=ELSEWHERE, at=PUBLIC, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer {TOKEN.upper()}", TOKEN,
     f"Basic {TOKEN}", f"Token {TOKEN}", f"Bearer {TOKEN} {TOKEN}", "Bearer é", "Bearer " + "x" * 6000],
)  # fmt: skip
def test_nothing_else_does(public_app: Flask, authorization: str) -> None:
    headers = {"Authorization": authorization}
    assert ask(public_app, peer=ELSEWHERE, at=PUBLIC, headers=headers).status_code == 404
    assert ask(public_app, peer=ELSEWHERE, at=PUBLIC, path=f"/metrics?token={TOKEN}").status_code == 404


def test_without_a_token_in_the_settings_none_opens_them(make_app: Callable[..., Flask]) -> None:
    app = make_app(metrics_token="")
    for authorization in ("Bearer ", "Bearer", "Bearer None", "Bearer **********"):
        assert ask(app, peer=ELSEWHERE, headers={"Authorization": authorization}).status_code == 404


# --- to everybody else -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json", "application/openmetrics-text"])
def test_the_refusal_is_that_of_an_address_that_does_not_exist(public_app: Flask, method: str, accept: str) -> None:
    headers = {"Accept": accept, "Authorization": "Bearer a wrong one"}
    missing, refused = (
        ask(public_app, peer=ELSEWHERE, at=PUBLIC, method=method, path=path, headers=headers)
        for path in ("/no-such-address", "/metrics")
    )
    assert without_request_id(refused) == without_request_id(missing)
    assert refused.status_code == 404


def test_there_is_no_limit_on_reading_them(make_app: Callable[..., Flask]) -> None:
    app = make_app(ratelimit_enabled=True)
    assert {ask(app).status_code for _ in range(150)} == {200}
