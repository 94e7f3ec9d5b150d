"""What pages refer to is kept by browsers under an address of its content, and asked for anew at its plain one."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.http import parse_cache_control_header

from webapp.web import static_files

PAGES = ["/", "/login", "/register", "/api/docs", "/no/such/page"]
A_YEAR = {"public": None, "max-age": "31536000", "immutable": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of static files, to be served instead of the product's."""
    folder = tmp_path / "static"
    (folder / "css").mkdir(parents=True)
    (folder / "css" / "base.css").write_text("body { color: green }")
    (folder / "img").mkdir()
    (folder / "img" / "mark.svg").write_text("<svg/>")
    return folder


def addresses(http: FlaskClient, page: str) -> list[str]:
    return [path for path in re.findall(r'(?:src|href)="([^"]+)"', http.get(page).text) if path.startswith("/static/")]


def how_long(http: FlaskClient, path: str) -> dict[str, str | None]:
    with http.get(path) as reply:
        assert reply.status_code == 200, path
        return dict(parse_cache_control_header(reply.headers["Cache-Control"]))


def served_from(folder: Path, app: Flask) -> FlaskClient:
    """Return a client of the application as it would have been started over that folder."""
    app.static_folder = str(folder)
    if app.extensions.pop("static_files", None):
        app.extensions["static_files"] = static_files.read(app)
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


def test_nobody_stores_what_another_release_refers_to(http: FlaskClient) -> None:
    """While an upgrade goes from host to host, pages of the one ask the other: neither kept nor found unchanged."""
    for name in ("css/base.css", "swagger-ui/swagger-ui.css"):
        with http.get(f"/static/v-0123456789abcdef/{name}") as reply:
            assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-store")
            assert reply.data
            assert {"ETag", "Last-Modified"}.isdisjoint(reply.headers.keys())


def test_a_changed_file_has_another_address(make_app: Callable[..., Flask], folder: Path) -> None:
    http = served_from(folder, make_app())
    before = addresses(http, "/")
    (folder / "css" / "base.css").write_text("body { color: brown }")
    after = addresses(http, "/")
    [base] = [path for path in after if path.endswith("/base.css")]
    assert base not in before
    with http.get(base) as reply:
        assert reply.text == "body { color: brown }"
    assert how_long(http, base) == A_YEAR


def test_a_server_serves_what_it_has_started_with(production: FlaskClient, folder: Path) -> None:
    """Files are replaced before it is restarted. Their new content must not be kept under the old address: whoever goes
    back to the release before would have it for a year."""
    http = served_from(folder, production.application)
    before = addresses(http, "/")
    (folder / "css" / "base.css").write_text("body { color: brown }")
    (folder / "img" / "mark.svg").unlink()
    assert addresses(http, "/") == before
    [base] = [path for path in before if path.endswith("/base.css")]
    with http.get(base) as reply:
        assert reply.text == "body { color: green }"
    assert how_long(http, base) == A_YEAR


@pytest.mark.parametrize("is_production", [True, False])
def test_a_file_that_cannot_be_read_takes_no_page_with_it(
    make_app: Callable[..., Flask], production: FlaskClient, folder: Path, is_production: bool
) -> None:
    """An editor's lock is a link that leads nowhere; as `root` a test can read whatever there is."""
    (folder / "css" / ".#base.css").symlink_to("john@laptop.1234")
    (folder / "css" / "frame.css").mkdir()
    http = served_from(folder, production.application if is_production else make_app())
    assert http.get("/login").status_code == 200
    assert http.get("/no/such/page").status_code == 404
    assert "/static/css/frame.css" in addresses(http, "/login")
    for name in ("css/frame.css", "css/.#base.css", "js/nothing.js"):
        assert http.get(f"/static/v-0123456789abcdef/{name}").status_code == 404, name


def test_every_host_has_the_same_address_for_the_same_files(
    make_app: Callable[..., Flask], folder: Path, tmp_path: Path
) -> None:
    """Wherever the product lies, whenever it was copied there, and with a package made beside it."""
    before = addresses(served_from(folder, make_app()), "/")
    there = tmp_path / "elsewhere" / "static"
    there.parent.mkdir()
    folder.rename(there)
    os.utime(there / "css" / "base.css", (0, 0))
    (there / "css" / "types.d.ts").write_text("export {};")
    assert addresses(served_from(there, make_app()), "/") == before
