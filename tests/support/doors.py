"""The doors at which a token can be presented, what lies behind them, and the one answer to a bad token."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import select as query
from werkzeug.test import TestResponse

from webapp.database import db


def bearer(path: str, method: str = "POST") -> Callable[[str], dict[str, Any]]:
    return lambda token: {"path": path, "method": method, "headers": {"Authorization": f"Bearer {token}"}}


def by_cookie(token: str) -> dict[str, Any]:
    headers = {"Cookie": f"refresh_token={token}", "Sec-Fetch-Site": "same-origin"}
    return {"path": "/api/refresh", "method": "POST", "headers": headers}


def in_json(token: str) -> dict[str, Any]:
    return {"path": "/api/refresh", "method": "POST", "json": {"refresh_token": token}}


DOORS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "me": ("access", bearer("/api/me", "GET")),
    "refresh by Bearer": ("body", bearer("/api/refresh")),
    "refresh by body": ("body", in_json),
    "refresh by cookie": ("cookie", by_cookie),
    "sign-out": ("leaving", bearer("/api/logout")),
}


def ask(app: Flask, request: dict[str, Any]) -> TestResponse:
    return app.test_client(use_cookies=False).open(**request)


def rows(app: Flask) -> list[Any]:
    with app.app_context():
        return [db.session.execute(query(table)).all() for table in db.metadata.sorted_tables]


def assert_401b(reply: TestResponse) -> None:
    """The one answer to a bad token: 401B of security.md."""
    assert reply.status_code == 401, reply.text
    assert reply.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert reply.content_type == "application/problem+json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "X-New-Token" not in reply.headers
    assert "eyJ" not in reply.text
    assert {"type", "title", "status", "detail", "code"} <= reply.get_json().keys()
