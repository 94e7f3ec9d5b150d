"""The API with its demo products, and applications of Vite in front of it, each on an origin of its own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from tests.support.databases import close_connections, fresh_database
from tests.support.live import LiveServer, serve
from tests.support.programs import PATIENCE, clean_environment, run, started
from tests.support.services import require_program
from tests.support.settings import make_settings
from webapp import create_app, demo
from webapp.clock import utc_now
from webapp.database import db


@contextmanager
def serve_api(folder: Path, *origins: str, **settings_of_server: Any) -> Iterator[LiveServer]:
    """The product over a database of its own, with demo users and products.

    `origins` may call it from a browser; none named, every port of localhost may (development)."""
    database_url = fresh_database("sqlite", folder)
    app = create_app(make_settings(database_url=database_url))
    with app.app_context():
        demo.load(db.session, now=utc_now())
        close_connections()
    settings_of_server |= {"cors_origins": ",".join(origins)}
    with serve(folder, database_url, workers=1, **settings_of_server) as server:
        yield server


def begin_anew(server: LiveServer) -> LiveServer:
    """The same server for another test: its clock is right again, its log is empty."""
    server.move_clock(0)
    (server.folder / "server.log").write_bytes(b"")
    return server


def build(app: Path, out: Path, api: LiveServer) -> None:
    """Build the Vite application in `app` into `out`, for the API at `api`."""
    done = run([*vite(app), "build", "--outDir", str(out), "--emptyOutDir"], cwd=app, env=environment(api))
    assert done.returncode == 0, done.stderr
    assert "warn" not in (done.stdout + done.stderr).lower()


@contextmanager
def preview(app: Path, out: Path, port: int) -> Iterator[None]:
    """Serve what was built."""
    command = [*vite(app), "preview", "--outDir", str(out), "--port", str(port), "--strictPort"]
    with started(command, cwd=app, env=clean_environment(), output=subprocess.DEVNULL) as program:
        wait_for(program, port)
        yield


@contextmanager
def develop(app: Path, port: int, api: LiveServer) -> Iterator[None]:
    """Serve the application as its developer does: not built, and React in its development version."""
    command = [*vite(app), "--port", str(port), "--strictPort"]
    with started(command, cwd=app, env=environment(api), output=subprocess.DEVNULL) as program:
        wait_for(program, port)
        yield


def vite(app: Path) -> list[str]:
    return [require_program("node"), str(app / "node_modules/vite/bin/vite.js")]


def environment(api: LiveServer) -> dict[str, str]:
    return clean_environment(VITE_API_URL=f"{api.url}/api")


def wait_for(program: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and program.poll() is None:
        try:
            if requests.get(f"http://localhost:{port}/", timeout=5).status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")
