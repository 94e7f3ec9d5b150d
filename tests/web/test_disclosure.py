"""What no answer says: what is inside of a page, of the server, or of a fault (H06, H08, H09, A17)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.support import people
from tests.support.databases import fresh_database
from tests.support.mailbox import Mailbox
from tests.support.recovery import forgot
from tests.support.steps import bearer, client
from webapp.web.api import products


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: what is kept quiet does not depend on the engine."""
    return fresh_database("sqlite", tmp_path)


@pytest.mark.parametrize("path", ["/", "/login", "/account", "/account/sessions", "/account/tokens", "/nothing"])
def test_no_page_has_a_script_a_style_or_a_handler_inside(make_app: Callable[..., Flask], path: str) -> None:
    """H06: 'self' alone is enough because there is nothing inline, and nothing from elsewhere."""
    http = client(make_app)
    if path != "/login":
        http.post("/api/login", json={"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"})
    page = http.get(path).text
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:[a-z(]", page, re.IGNORECASE)
    assert all(re.search(r'\ssrc="/static/', tag) for tag in re.findall(r"<script[^>]*>", page))
    assert not re.search(r'\s(src|action)="(?!/)', page)
    assert all('href="/static/' in tag for tag in re.findall(r"<link[^>]*>", page))


@pytest.mark.parametrize(
    "path",
    ["/.git/config", "/.env", "/console", "/instance/evergreen.db", "/static/../wsgi.py", "/static/..%2fwsgi.py",
     "/static/%2e%2e/wsgi.py", "/static/....//wsgi.py", "/debug", "/server-status", "/setup", "/wsgi.py",
     "/static/", "/admin.php"],
)  # fmt: skip
def test_nothing_of_the_inside_is_served(make_app: Callable[..., Flask], path: str) -> None:
    """H08, A17."""
    assert client(make_app).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api/products", "/account/sessions"])
def test_an_unexpected_fault_is_told_without_its_cause(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """H08, H09: a number to ask for, no exception, no trace, no input."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError("hunter2")

    http = client(make_app)
    tokens = http.post(
        "/api/login", json={"email": people.EMAIL, "password": people.PASSWORD, "transport": "cookie"}
    )  # fmt: skip
    monkeypatch.setattr(products.catalog, "list_products", fail)
    monkeypatch.setattr("webapp.web.pages.account.list_devices", fail)
    reply = http.get(path, headers=bearer(tokens.json["access_token"]))
    assert reply.status_code == 500
    assert not re.search("hunter2|ValueError|Traceback|webapp", reply.text)
    assert re.search("[0-9a-f]{16}", reply.text)
    assert ("problem+json" in reply.content_type) is path.startswith("/api/")


@pytest.mark.parametrize(("is_https", "status"), [(True, 404), (False, 200)])
def test_mails_are_shown_in_development_only(
    make_app: Callable[..., Flask], tmp_path: Path, is_https: bool, status: int
) -> None:
    """H08: they hold links that set a password."""
    folder = tmp_path / "mail"
    http = client(make_app, is_https=is_https, mail_url=f"file://{folder}")
    forgot(http.application)
    Mailbox(http.application, folder).deliver()
    (name,) = [path.stem for path in folder.glob("*.eml")]
    paths = ("/dev/mail", f"/dev/mail/{name}", f"/dev/mail/{name}/html")
    assert [http.get(path).status_code for path in paths] == [status] * 3


def test_in_production_no_page_shows_the_demo_users(make_app: Callable[..., Flask]) -> None:
    """A17: although one of them has the address of a demo user."""
    http = client(make_app, is_https=True)
    for path in ("/", "/login"):
        assert people.PASSWORD not in http.get(path).text
