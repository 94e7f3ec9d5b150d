"""What races about accounts start from: users, links and second factors made past the product, and browsers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from http.client import HTTPConnection
from itertools import count
from json import dumps, loads
from typing import Any

import pyotp
import requests
from flask import Flask

from tests.faults.clients import TIMEOUT, Reply
from tests.faults.crowds import Crowd, crowd
from tests.faults.servers import rows
from tests.support.databases import close_connections
from tests.support.live import LiveServer
from tests.support.loopback import From
from tests.support.people import PASSWORD
from tests.support.settings import make_settings
from tests.support.steps import csrf_token
from webapp import create_app, mfa, one_time_tokens, passwords, recovery_codes
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import User
from webapp.one_time_tokens import Purpose
from webapp.sealing import seal

RECOVERY_CODES = ("ABCD-EFGH-IJKL-MNOP", "QRST-UVWX-YZ23-4567")  # two, since each one left costs every guess a hash
LOST = (401, "invalid_code")
NOT_JUDGED = (429, "too_many_attempts")
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the server's database; their password is PASSWORD."""

    id: int
    email: str

    def sign_in_body(self, **fields: Any) -> dict[str, Any]:
        return {"email": self.email, "password": PASSWORD, "transport": "body", **fields}


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A device that shows codes."""

    totp: pyotp.TOTP

    def codes(self) -> list[str]:
        """The three codes that the server takes at this moment, the oldest first."""
        now = int(time.time())
        return [self.totp.at(now + seconds) for seconds in (-mfa.STEP_SECONDS, 0, mfa.STEP_SECONDS)]

    def wrong_codes(self, how_many: int) -> list[str]:
        """Codes that are not the device's, neither now nor minutes from now."""
        now = int(time.time())
        right = {self.totp.at(now + step * mfa.STEP_SECONDS) for step in range(-4, 5)}
        return [code for code in (f"{number:06}" for number in range(how_many + len(right))) if code not in right][
            :how_many
        ]


@cache
def _hash(password: str) -> str:
    return passwords.hash_password(password)


class Accounts:
    """Makes what a test needs in the server's database, as the product would have made it."""

    def __init__(self, server: LiveServer) -> None:
        self._url = server.settings["DATABASE_URL"]

    @cached_property
    def app(self) -> Flask:
        return create_app(make_settings(database_url=self._url))

    def create(self, **fields: Any) -> Person:
        """Create a user with an address of their own."""
        email = f"person{next(_numbers)}@test.com"
        values = {"email_verified": True, "is_admin": False, "is_active": True, "created_at": utc_now(), **fields}
        with self.app.app_context():
            user = User(email=email, email_key=email, password_hash=_hash(PASSWORD), **values)
            db.session.add(user)
            db.session.commit()
            return Person(user.id, user.email)

    def link(self, purpose: Purpose, person: Person, *, email: str | None = None, session_id: str | None = None) -> str:
        """Return the token of a link that was mailed to the person."""
        with self.app.app_context():
            token = one_time_tokens.issue(
                db.session, purpose, user_id=person.id, email=email, session_id=session_id, now=utc_now()
            )
            db.session.commit()
            return token

    def protect(self, person: Person) -> SecondFactor:
        """Turn a second factor on, no code of which has been used; RECOVERY_CODES stand in for it."""
        secret = pyotp.random_base32()
        with self.app.app_context():
            user = db.session.get_one(User, person.id)
            user.totp_seed, user.totp_enabled_at = seal(make_settings(), secret), utc_now()
            hashes = [_hash(code) for code in RECOVERY_CODES]
            recovery_codes.replace(db.session, user_id=person.id, hashes=hashes, now=utc_now())
            db.session.commit()
        return SecondFactor(pyotp.TOTP(secret))

    def close(self) -> None:
        with self.app.app_context():
            db.session.remove()
            close_connections()


class Browser:
    """A browser with a cookie jar of its own, at a page with a form that it has opened."""

    def __init__(
        self, server: LiveServer, *, cookies: requests.Session | None = None, address: str = "127.0.0.1"
    ) -> None:
        self._origin = f"http://127.0.0.1:{server.port}"
        self.http = requests.Session()
        self.http.mount("http://", From(address))
        if cookies is not None:
            self.http.cookies.update(cookies.cookies)
        self._path, self._csrf = "", ""

    def open(self, path: str) -> Browser:
        page = self.http.get(f"{self._origin}{path}", timeout=TIMEOUT)
        assert page.status_code == 200, page.text
        self._path, self._csrf = path, csrf_token(page)
        return self

    def send(self, **fields: str) -> requests.Response:
        """Post the form of the page; return the answer, and go nowhere."""
        return self.send_to(self._path, **fields)

    def send_to(self, path: str, **fields: str) -> requests.Response:
        """Post a form of the page that has another address, such as "Sign out"."""
        data = {"csrf_token": self._csrf, **fields}
        return self.http.post(f"{self._origin}{path}", data=data, timeout=TIMEOUT, allow_redirects=False)

    def close(self) -> None:
        self.http.close()


def sign_in_from(server: LiveServer, address: str, body: dict[str, Any], cookie: str = "") -> Reply:
    """Try to sign in by the API from an address of the loopback network: each is a client of its own."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT, source_address=(address, 0))
    try:
        headers = {"Content-Type": "application/json", "Cookie": cookie}
        connection.request("POST", "/api/login", dumps(body), headers)
        response = connection.getresponse()
        return Reply(response.status, response.headers, loads(response.read()))
    finally:
        connection.close()


@contextmanager
def ready_crowd(server: LiveServer, size: int) -> Iterator[Crowd]:
    """A crowd whose connections are open already, so that its requests arrive together."""
    with crowd(server, size) as clients:
        clients.at_once(lambda client, _: client.call("GET", "/healthz"), range(size))
        yield clients


def status_and_code(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.code


def events(server: LiveServer, kind: str, person: Person) -> int:
    """How often the audit log says that of the person."""
    sql = "SELECT count(*) FROM audit_events WHERE kind = :kind AND user_id = :id"
    (row,) = rows(server, sql, kind=kind, id=person.id)
    return int(row[0])


def tally(items: list[Any], of: Callable[[Any], Any]) -> dict[Any, int]:
    """Count what `of` says of each item."""
    said = [of(item) for item in items]
    return {value: said.count(value) for value in said}


def sessions(server: LiveServer, person: Person) -> int:
    (row,) = rows(server, "SELECT count(*) FROM auth_sessions WHERE user_id = :id", id=person.id)
    return int(row[0])
