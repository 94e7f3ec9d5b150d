"""The product with a front end at another origin, what foreign ones send, a sign-in that sets the cookie, and what an
answer sets."""

from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.steps import OWN, client

FRIEND = "https://app.example"
# What a request says of where it comes from, if that is neither ours nor FRIEND, or not known to be.
FOREIGN = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.accounts.example.com"},
    {"Origin": "https://accounts.example.com.evil.example"},
    {"Origin": "http://accounts.example.com"},
    {"Origin": "https://accounts.example.com:8443"},
    {"Origin": "https://app.example.evil"},
    {"Origin": "https://APP.example"},
    {"Origin": "http://localhost:5173"},
    {"Origin": f"{FRIEND}, https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.accounts.example.com", "Sec-Fetch-Site": "same-site"},
    {"Referer": f"{OWN}/account"},
    {"X-Requested-With": "XMLHttpRequest"},
]


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
