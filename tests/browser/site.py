"""The shared server, the people who use it, and what they do before a test gets to its point."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.settings import make_settings
from webapp import create_app, demo
from webapp.clock import utc_now
from webapp.database import db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ON_LOGIN = re.compile(r"/login(\?|$)")
_numbers = count(1)


@dataclass(frozen=True)
class Person:
    email: str
    password: str = people.PASSWORD


# The user whom the `live` fixture creates.
JOHN = Person(people.EMAIL)


@dataclass
class Site:
    """The running server, and an application over the same database by which tests put people into it."""

    server: LiveServer
    app: Flask

    @property
    def url(self) -> str:
        return self.server.url

    def new_person(self, local_part: str = "person", **fields: Any) -> Person:
        person = Person(f"{local_part}{next(_numbers)}@example.com")
        people.create_user(self.app, person.email, person.password, **fields)
        return person


@contextmanager
def serve_site(folder: Path) -> Iterator[Site]:
    """Serve the product with default settings, the demo users and products."""
    database_url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=database_url))
    with app.app_context():
        demo.load(db.session, now=utc_now())
    try:
        with serve(folder, database_url) as server:
            yield Site(server, app)
    finally:
        with app.app_context():
            close_connections()


def fill_in(page: Page, person: Person, *, password: str | None = None) -> None:
    page.get_by_label("Email address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password if password is None else password)


def submit(page: Page) -> None:
    page.get_by_role("button", name="Sign in", exact=True).click()


def enter(context: BrowserContext, url: str, person: Person) -> None:
    """Sign the context's cookie jar in without a page: for tests whose point comes later."""
    login = {"email": person.email, "password": person.password, "transport": "cookie"}
    reply = context.request.post(f"{url}/api/login", data=login)
    assert reply.ok, reply.text()


def refresh_cookie(context: BrowserContext, name: str = "refresh_token") -> dict | None:
    """Return the refresh cookie as the browser keeps it, or None."""
    return next((dict(cookie) for cookie in context.cookies() if cookie["name"] == name), None)


def expect_signed_out(page: Page, why: str) -> None:
    """The page's next request is refused, and says why."""
    page.goto("/account")
    expect(page).to_have_url(ON_LOGIN)
    expect(page.get_by_role("status").filter(has_text=why)).to_be_visible()
    assert refresh_cookie(page.context) is None


def expect_signed_in(page: Page) -> None:
    """The browser's cookie opens the account; asked for without drawing the page."""
    assert page.context.request.get("/account", max_redirects=0).status == 200
