"""The product behind a proxy, and the product as its image has it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.behind import Behind, serve_behind
from tests.deploy.container import BUILDER, IMAGE, UID, as_nobody, run
from tests.deploy.dockerfile import copy_context
from tests.support.live import LiveServer, free_port, wait_until_ready
from tests.support.people import EMAIL, PASSWORD
from tests.support.proxies import PROXIES
from tests.support.settings import SECRET_KEY
from webapp.config import ROOT


@pytest.fixture(scope="module", params=list(PROXIES))
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One server and one proxy for all tests of a file; a test that spends its limits comes from its own address."""
    with serve_behind(tmp_path_factory.mktemp(request.param), request.param) as behind:
        yield behind


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """What the image has in /app: exactly what is copied, nothing of it writable by who serves, and instance/."""
    # Not below pytest's own folder, which is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="evergreen-image-"))
    app = folder / "app"
    copy_context(ROOT, BUILDER, app)
    for path in app.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in (app / "instance", folder / "tmp"):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, UID, UID)
    app.chmod(0o555)
    folder.chmod(0o755)
    yield app
    for path in (app, *(path for path in app.rglob("*") if path.is_dir())):
        path.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def settings(tree: Path) -> dict[str, str]:
    """The image's environment, what a container adds to it, and where the interpreter is on this machine."""
    return {
        **{name: value for name, value in IMAGE.environment.items() if name != "PATH"},
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "TMPDIR": str(tree.parent / "tmp"),
        "HOST": "127.0.0.1",  # a test listens nowhere else
        "PORT": str(free_port()),
        "APP_ENV": "production",
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": "https://accounts.example.com",
        "WEB_CONCURRENCY": "2",
    }


@pytest.fixture(scope="module")
def container(tree: Path, settings: dict[str, str]) -> Iterator[LiveServer]:
    """What `docker run` would start, over tables that the Compose file's one-shot service has made."""
    migrate = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["migrate"]["command"]
    done = run(migrate, tree, settings)
    assert done.returncode == 0, done.stderr
    command = ["flask", "--app", "wsgi", "users", "create", EMAIL, "--verified"]
    created = run(command, tree, settings, given=f"{PASSWORD}\n{PASSWORD}\n")
    assert created.returncode == 0, created.stderr
    with (tree.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(
            as_nobody(IMAGE.command("CMD")), cwd=tree, env=settings, stdout=log, stderr=subprocess.STDOUT
        )
    server = LiveServer(f"http://localhost:{settings['PORT']}", int(settings["PORT"]), process, tree.parent, settings)
    try:
        wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()
