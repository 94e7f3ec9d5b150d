"""Attempts to sign in, each with a browser of its own, from an address that the test chooses."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.guessing import browser
from tests.support.steps import sign_in_by_form

WRONG = "wrong password"


def attempt(
    app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1", **fields: Any
) -> TestResponse:
    """Try to sign in by the API from that address, with a browser of its own."""
    body = {"email": email, "password": password, **fields}
    return browser(app, address=address).post("/api/login", json=body)


def attempt_by_form(app: Flask, email: str, password: str = WRONG, *, address: str = "127.0.0.1") -> TestResponse:
    return sign_in_by_form(browser(app, address=address), email=email, password=password)
