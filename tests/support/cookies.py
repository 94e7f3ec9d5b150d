"""The product with a front end at another origin, a sign-in that sets the cookie, and what an answer sets."""

from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.steps import OWN, https_client

FRIEND = "https://app.example"
PRODUCTION = {"app_env": "production", "public_url": OWN, "cors_origins": FRIEND}


def client_of(make_app: Callable[..., Flask], *, is_https: bool, use_cookies: bool = True) -> FlaskClient:
    """Return a client of the product as it is served in production over https, or in development over http."""
    app = make_app(**(PRODUCTION if is_https else {}))
    people.create_user(app)
    return https_client(app, use_cookies=use_cookies) if is_https else app.test_client(use_cookies=use_cookies)


def cookies(reply: TestResponse) -> dict[str, Morsel[str]]:
    """Return the cookies that an answer sets."""
    found: dict[str, Morsel[str]] = {}
    for line in reply.headers.getlist("Set-Cookie"):
        found.update(SimpleCookie(line))
    return found


def login(http: FlaskClient, **fields: Any) -> TestResponse:
    credentials = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    return http.post("/api/login", json={**credentials, **fields})
