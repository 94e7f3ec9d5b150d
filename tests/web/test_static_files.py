"""What pages refer to is kept by browsers under an address of its content, and asked for anew at its plain one."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.http import parse_cache_control_header

from webapp.web import static_files

PAGES = ["/", "/login", "/register", "/api/docs", "/no/such/page"]
A_YEAR = {"public": None, "max-age": "31536000", "immutable": None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of static files, instead of the product's."""
    folder = tmp_path / "static"
    (folder / "css").mkdir(parents=True)
    (folder / "css" / "base.css").write_text("body { color: green }")
    monkeypatch.setattr(static_files, "FOLDER", folder)
    return folder


@pytest.fixture(autouse=True)
def _started_anew() -> Iterator[None]:
    static_files._version_at_start.cache_clear()
    yield
    static_files._version_at_start.cache_clear()


def addresses(http: FlaskClient, page: str) -> list[str]:
    return [path for path in re.findall(r'(?:src|href)="([^"]+)"', http.get(page).text) if path.startswith("/static/")]


def beside(path: str, name: str) -> str:
    """Return the address of another file of the version that an address is of."""
    return "/".join([*path.split("/")[:3], name])


def how_long(http: FlaskClient, path: str) -> dict[str, str | None]:
    with http.get(path) as reply:
        assert reply.status_code == 200, path
        return dict(parse_cache_control_header(reply.headers["Cache-Control"]))


def served_from(folder: Path, app: Flask) -> FlaskClient:
    app.static_folder = str(folder)
    return app.test_client()


@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_page_refers_to_is_kept_for_a_year(production: FlaskClient, page: str) -> None:
    found = addresses(production, page)
    assert len(found) > 5
    for path in found:
        assert how_long(production, path) == A_YEAR, path


def test_what_is_kept_is_still_told_from_what_has_changed(http: FlaskClient) -> None:
    path = addresses(http, "/")[0]
    with http.get(path) as first, http.get(path, headers={"If-None-Match": first.headers["ETag"]}) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_a_plain_address_is_asked_anew_each_time(http: FlaskClient) -> None:
    """Other front ends import the client from there, and write its address down for good."""
    assert how_long(http, "/static/js/evergreen/index.js") == {"no-cache": None}


def test_what_is_kept_for_a_page_is_not_taken_for_what_another_origin_asks_for(http: FlaskClient) -> None:
    """With CORS switched off, too: a cache may outlive that."""
    for path in ("/static/js/evergreen/index.js", addresses(http, "/")[0]):
        with http.get(path) as reply:
            assert "Origin" in reply.headers["Vary"].split(", "), path


def test_nobody_keeps_what_another_release_refers_to(http: FlaskClient) -> None:
    """While an upgrade goes from host to host, pages of the one ask the other."""
    for name in ("css/base.css", "swagger-ui/swagger-ui.css"):
        assert how_long(http, f"/static/v-0123456789abcdef/{name}") == {"no-cache": None}


def test_a_changed_file_has_another_address(make_app: Callable[..., Flask], folder: Path) -> None:
    http = served_from(folder, make_app(app_env="development"))
    [before, *_] = addresses(http, "/")
    (folder / "css" / "base.css").write_text("body { color: brown }")
    [after, *_] = addresses(http, "/")
    assert after != before
    with http.get(beside(after, "css/base.css")) as reply:
        assert reply.text == "body { color: brown }"
    assert how_long(http, beside(after, "css/base.css")) == A_YEAR
    assert how_long(http, beside(before, "css/base.css")) == {"no-cache": None}


def test_in_production_a_file_that_changes_meanwhile_is_not_kept(production: FlaskClient, folder: Path) -> None:
    """A server refers to what it has started with. Its address must not hold what is there after an upgrade: whoever
    goes back would have it for a year."""
    production.application.static_folder = str(folder)
    [before, *_] = addresses(production, "/")
    base = beside(before, "css/base.css")
    assert how_long(production, base) == A_YEAR
    (folder / "css" / "base.css").write_text("body { color: brown }")
    [after, *_] = addresses(production, "/")
    assert after == before
    assert how_long(production, base) == {"no-cache": None}


def test_every_host_has_the_same_address_for_the_same_files(
    make_app: Callable[..., Flask], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the product lies, and whenever it was copied there."""
    http = served_from(folder, make_app(app_env="development"))
    before = addresses(http, "/")
    there = tmp_path / "elsewhere" / "static"
    there.parent.mkdir()
    folder.rename(there)
    os.utime(there / "css" / "base.css", (0, 0))
    monkeypatch.setattr(static_files, "FOLDER", there)
    assert addresses(http, "/") == before
