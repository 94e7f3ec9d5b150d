"""The product with a front end at another origin, a sign-in that sets the cookie, and what an answer sets."""

from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.steps import client

FRIEND = "https://app.example"


def client_of(make_app: Callable[..., Flask], *, is_https: bool, use_cookies: bool = True) -> FlaskClient:
    """Return a client of the product as it is served in production over https, or in development over http."""
    settings = {"cors_origins": FRIEND} if is_https else {}
    return client(make_app, is_https=is_https, use_cookies=use_cookies, **settings)


def cookies(reply: TestResponse) -> dict[str, Morsel[str]]:
    """Return the cookies that an answer sets."""
    found: dict[str, Morsel[str]] = {}
    for line in reply.headers.getlist("Set-Cookie"):
        found.update(SimpleCookie(line))
    return found


def login(http: FlaskClient, **fields: Any) -> TestResponse:
    credentials = {"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    return http.post("/api/login", json={**credentials, **fields})
