"""A user to sign in, and the ways to sign them in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.databases import close_connections, fresh_database
from tests.support.settings import make_settings
from webapp import accounts, create_app
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.config import Settings
from webapp.database import db
from webapp.models import User

EMAIL = "test@test.com"
PASSWORD = "Test123!"


def create_user(app: Flask, email: str = EMAIL, password: str = PASSWORD, **fields: Any) -> int:
    """Create a verified user; return their id."""
    with app.app_context():
        names = {"first_name": "John", "last_name": "Doe", "is_verified": True, **fields}
        user = accounts.create_user(
            db.session,
            email=email,
            password=password,
            password_min_length=0,
            client=COMMAND_LINE,
            now=utc_now(),
            **names,
        )
        return user.id


def users(app: Flask) -> list[User]:
    """Return everybody who has an account, the oldest first."""
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


def database_with_john(folder: Path, kind: str = "sqlite") -> str:
    """Return the URL of a fresh database in which John Doe is a user, whatever this machine's environment says."""
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(name.upper(), raising=False)
        url = fresh_database(kind, folder)
        app = create_app(make_settings(database_url=url))
        create_user(app)
        with app.app_context():
            close_connections()
    return url


@dataclass
class SignedIn:
    """What a sign-in by the API gave: the tokens, and the test client that holds the cookie if there is one."""

    http: FlaskClient
    access: str
    refresh: str | None

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}

    def me(self, token: str | None = None) -> TestResponse:
        return self.http.get("/api/me", headers={"Authorization": f"Bearer {token or self.access}"})


def sign_in(http: FlaskClient, *, transport: str = "body", email: str = EMAIL, password: str = PASSWORD) -> SignedIn:
    """Sign in by the API; with the cookie transport `refresh` is the cookie's value."""
    reply = http.post("/api/login", json={"email": email, "password": password, "transport": transport})
    assert reply.status_code == 200, reply.text
    cookie = http.get_cookie("refresh_token")
    refresh = reply.json.get("refresh_token") or (cookie.value if cookie else None)
    return SignedIn(http, reply.json["access_token"], refresh)
