"""Attempts to sign in, each with a browser of its own, from an address that the test chooses."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.steps import sign_in_by_form

WRONG = "wrong password"


def attempt(
    app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1", **fields: Any
) -> TestResponse:
    """Try to sign in by the API from that address, with a browser of its own."""
    body = {"email": email, "password": password, **fields}
    return app.test_client().post("/api/login", json=body, environ_base={"REMOTE_ADDR": address})


def attempt_by_form(app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1") -> TestResponse:
    http = app.test_client()
    http.environ_base["REMOTE_ADDR"] = address
    return sign_in_by_form(http, email=email, password=password)
