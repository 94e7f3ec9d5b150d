"""Static files: at their plain addresses browsers ask anew each time; what pages refer to stands below a hash of all
files, `/static/v-1f3a…/css/base.css`, where browsers keep it and ask for nothing.

One hash for the whole folder: modules and sheets name each other relatively, and stay below it."""

import os
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, current_app, g, send_from_directory, url_for

from webapp.config import ROOT
from webapp.web.context import settings

pages = Blueprint("static_files", __name__)

FOLDER: Final = ROOT / "static"
SWAGGER_UI: Final = Path(str(files("flask_swagger_ui") / "dist"))
NAMES_OF_SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css")  # the package's own page has inline script
KEPT_FOR: Final = 365 * 24 * 3600  # seconds


def init_app(app: Flask) -> None:
    app.register_blueprint(pages)
    app.add_template_global(static_url)


def static_url(filename: str) -> str:
    """Return the address of a file for a page that is made now."""
    if "static_version" not in g:
        g.static_version = _version() if settings().is_development else _version_at_start()
    return url_for("static_files.kept", version=g.static_version, filename=filename)


@pages.get("/static/v-<version>/<path:filename>")
def kept(version: str, filename: str) -> Response:
    return _for_version(version, current_app.send_static_file(filename))


@pages.get(f"/static/v-<version>/swagger-ui/<any{NAMES_OF_SWAGGER_UI}:name>")
def swagger_ui(version: str, name: str) -> Response:
    return _for_version(version, send_from_directory(SWAGGER_UI, name))


def _for_version(version: str, response: Response) -> Response:
    # A page of another release, or from before a file was changed, gets what there is, and must not keep it as its own.
    if version == _version():
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = KEPT_FOR
        response.cache_control.immutable = True
    return response


def _version() -> str:
    return _hash_of(tuple(_files()))


@cache
def _version_at_start() -> str:
    return _version()


def _files() -> Iterator[tuple[str, str, int, int]]:
    """Yield folder and name of each file, and what changes when it is written: to look at that is cheaper than to read
    them all."""
    folders = {folder: sorted(names) for folder, _, names in sorted(os.walk(FOLDER))}
    folders[str(SWAGGER_UI)] = list(NAMES_OF_SWAGGER_UI)
    for folder, names in folders.items():
        for name in names:
            status = Path(folder, name).stat()
            yield folder, name, status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)
def _hash_of(found: tuple[tuple[str, str, int, int], ...]) -> str:
    """Return a hash of names and contents, the same on every host."""
    digest = sha256()
    for folder, name, _, _ in found:
        content = Path(folder, name).read_bytes()
        digest.update(f"{Path(folder).name}/{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
