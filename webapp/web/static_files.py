"""Static files: at their plain addresses browsers ask anew each time; what pages refer to stands below a hash of all
files, `/static/v-1f3a…/css/base.css`, where browsers keep it for a year and ask for nothing.

One hash for the whole folder: modules and sheets name each other relatively, and stay below it. What is served there
are the bytes that were hashed, out of memory: nobody keeps what an upgrade has put into their place meanwhile."""

import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import Final, NamedTuple

from flask import Blueprint, Flask, Response, abort, current_app, g, request, url_for

from webapp.web.context import settings

pages = Blueprint("static_files", __name__)

SUFFIXES: Final = (".css", ".js", ".svg")  # what pages are made with; the client's folder holds its package's, too
SWAGGER_UI: Final = Path(str(files("flask_swagger_ui") / "dist"))
OF_SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css")  # the package's own page has inline script
KEPT_FOR: Final = 365 * 24 * 3600  # seconds


class Release(NamedTuple):
    """The files as they were read, by their names, and the hash of all of them, the same on every host."""

    version: str
    contents: dict[str, bytes]


class _File(NamedTuple):
    """A file, and what changes when it is written."""

    name: str
    path: str
    state: tuple[int, ...]


def init_app(app: Flask) -> None:
    app.register_blueprint(pages)
    app.add_template_global(static_url)
    if not app.extensions["settings"].is_development:
        app.extensions["static_files"] = read(app)


def static_url(name: str) -> str:
    """Return the address of a file for a page that is made now: its plain one if it could not be read."""
    if "static_files" not in g:
        g.static_files = _release()
    release: Release = g.static_files
    if name not in release.contents:
        return url_for("static", filename=name)
    return url_for("static_files.kept", version=release.version, filename=name)


@pages.get("/static/v-<version>/<path:filename>")
def kept(version: str, filename: str) -> Response:
    release = _release(version)
    content = release.contents.get(filename)
    if content is None:
        abort(404)
    response = Response(content, mimetype=guess_type(filename)[0])
    if version != release.version:
        # Asked for by a page of another release, while an upgrade goes from host to host.
        response.headers["Cache-Control"] = "no-store"
        return response
    response.headers["Cache-Control"] = f"public, max-age={KEPT_FOR}, immutable"
    response.set_etag(version)
    response.make_conditional(request)
    return response


def _release(version: str = "") -> Release:
    """Return what the server has read as it started. In development it reads anew what has been written since, but for
    who asks for the version that it has."""
    release: Release | None = current_app.extensions.get("static_files")
    if release is None or (settings().is_development and version != release.version):
        release = current_app.extensions["static_files"] = read(current_app)
    return release


def read(app: Flask) -> Release:
    """Return the application's static files as they are now."""
    return _read(tuple(_files(app.static_folder or "")))


def _files(top: str) -> Iterator[_File]:
    found = [(os.path.relpath(path, top), path) for path in _paths(top) if path.endswith(SUFFIXES)]
    found += [(f"swagger-ui/{name}", str(SWAGGER_UI / name)) for name in OF_SWAGGER_UI]
    for name, path in sorted(found):
        try:
            status = os.stat(path)
        except OSError:  # a link that leads nowhere, or gone by now
            continue
        yield _File(name, path, (status.st_mtime_ns, status.st_ctime_ns, status.st_size))


def _paths(top: str) -> Iterator[str]:
    for folder, _, names in os.walk(top):
        yield from (os.path.join(folder, name) for name in names)


@lru_cache(maxsize=1)
def _read(found: tuple[_File, ...]) -> Release:
    contents: dict[str, bytes] = {}
    digest = sha256()
    for name, path, _ in found:
        try:
            contents[name] = Path(path).read_bytes()
        except OSError:  # it may not be read: its plain address says so, and no page fails for it
            continue
        digest.update(f"{name} {len(contents[name])}\n".encode() + contents[name])
    return Release(digest.hexdigest()[:16], contents)
