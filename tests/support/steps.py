"""Steps that many tests take: refreshing in each of the three ways, filling in forms, reading the audit log."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import forge, people
from webapp.database import db
from webapp.models import AuditEvent

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400
OWN = "https://accounts.example.com"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def refresh(http: FlaskClient, token: str, how: str = "body") -> TestResponse:
    """Present `token` in one of the three ways; as the cookie it replaces what the client holds."""
    if how == "cookie":
        http.set_cookie("refresh_token", token)
        return http.post("/api/refresh", headers=SAME_ORIGIN)
    if how == "bearer":
        return http.post("/api/refresh", headers=bearer(token))
    return http.post("/api/refresh", json={"refresh_token": token})


def successor(reply: TestResponse) -> str:
    """Return the refresh token that an answer handed out, in its cookie or in its body."""
    assert reply.status_code == 200, reply.text
    cookie = reply.headers.get("Set-Cookie", "").partition(";")[0].removeprefix("refresh_token=")
    return cookie or reply.json["refresh_token"]


def gen(token: str) -> int:
    return forge.read(token)["gen"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def me(http: FlaskClient, access: str) -> int:
    """Return the status of a call with that access token."""
    return http.get("/api/me", headers=bearer(access)).status_code


def login(app: Flask, password: str = people.PASSWORD, email: str = people.EMAIL, **fields: str) -> int:
    """Try to sign in by the API, from a new device; return the status."""
    return app.test_client().post("/api/login", json={"email": email, "password": password, **fields}).status_code


def events(app: Flask, kind: str) -> list[AuditEvent]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent).where(AuditEvent.kind == kind)))


def assert_refused(reply: TestResponse, code: str) -> None:
    """401B: challenge, problem+json, no-store, and nothing that could be a token."""
    assert (reply.status_code, reply.json["code"]) == (401, code)
    assert 'Bearer error="invalid_token"' in reply.headers["WWW-Authenticate"]
    assert reply.content_type == "application/problem+json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "X-New-Token" not in reply.headers
    assert "eyJ" not in reply.text


class HttpsClient(FlaskClient):
    """A test client of the product as it is served in production, at `OWN`."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, base_url=OWN, **kwargs)


def https_client(app: Flask, *, use_cookies: bool = True) -> FlaskClient:
    return HttpsClient(app, app.response_class, use_cookies=use_cookies)


def client(
    make_app: Callable[..., Flask], *, is_https: bool = False, use_cookies: bool = True, **settings: object
) -> FlaskClient:
    """Return a test client of the product with John Doe as a user, served as in production if `is_https`."""
    production = {"app_env": "production", "public_url": OWN} if is_https else {}
    app = make_app(**production, **settings)
    people.create_user(app)
    return https_client(app, use_cookies=use_cookies) if is_https else app.test_client(use_cookies=use_cookies)


# --- pages -----------------------------------------------------------------------------------------------


def csrf_token(page: TestResponse) -> str:
    """Return the token of the first form of a page."""
    tag = re.search(r'<input[^>]*name="csrf_token"[^>]*>', page.text)
    assert tag, page.text
    return attribute(tag.group(), "value")


def attribute(tag: str, name: str) -> str:
    """Return the value of an attribute of a tag, or an empty string if it has none."""
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return html.unescape(found.group(1)) if found else ""


def field(page: TestResponse, name: str) -> str:
    """Return the tag of the form field of that name."""
    tag = re.search(rf'<input[^>]*\sname="{name}"[^>]*>', page.text)
    assert tag, f"there is no field {name}"
    return tag.group()


def alert(page: TestResponse) -> str:
    """Return what the page's alert says, or an empty string if there is none."""
    found = re.search(r'<[^>]*role="alert"[^>]*>(.*?)</(?:ul|p|div)>', page.text, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", found.group(1))).split()) if found else ""


def words(page: TestResponse) -> str:
    """Return what the main part of a page says, without its tags."""
    text = re.sub(
        r"</?(?:a|strong)\b[^>]*>", "", page.text.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    )
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def submit(http: FlaskClient, path: str, data: dict[str, Any] | None = None, *, form: str = "") -> TestResponse:
    """Open the page at `form` (or `path`), fill in its form, and post it to `path`."""
    page = http.get(form or path)
    return http.post(path, data={"csrf_token": csrf_token(page), **(data or {})})


def sign_in_by_form(http: FlaskClient, **fields: Any) -> TestResponse:
    """John Doe signs in, with the fields of the form changed by `fields`."""
    return submit(http, "/login", {"email": people.EMAIL, "password": people.PASSWORD, "remember": "y", **fields})


def title(page: TestResponse) -> str:
    found = re.search(r"<title>(.*?)</title>", page.text, re.DOTALL)
    assert found
    return html.unescape(found.group(1)).strip()


def current_sid(http: FlaskClient) -> str:
    cookie = http.get_cookie("refresh_token")
    assert cookie
    return forge.read(cookie.value)["sid"]


def is_signed_in(http: FlaskClient) -> bool:
    return http.get("/account").status_code == 200
