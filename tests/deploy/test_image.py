"""The Dockerfile does what it says, done without a daemon: copied, started and asked as an image would be."""

import json
import re
import signal
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import requests
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.container import BUILDER, IMAGE, UID, run
from tests.deploy.dockerfile import Stage, copy_context, ignore_patterns, is_ignored
from tests.faults.servers import reload
from tests.support.live import LiveServer, free_port
from tests.support.people import EMAIL, PASSWORD
from tests.support.waiting import wait_until
from webapp.config import ROOT


def test_the_copied_tree_serves_a_sign_in_to_a_user_who_may_write_nothing_of_it(
    container: LiveServer, tree: Path
) -> None:
    bearer = {"Authorization": f"Bearer {sign_in(container)['access_token']}"}
    assert requests.get(f"{container.url}/api/me", headers=bearer, timeout=10).json()["email"] == EMAIL
    for path in ("/login", "/static/css/base.css", "/static/js/evergreen/index.js", "/api/openapi.json"):
        assert requests.get(f"{container.url}{path}", timeout=10).status_code == 200, path
    assert {path.name for path in (tree / "instance").iterdir()} >= {"evergreen.db"}
    assert not list(tree.rglob("__pycache__"))


def test_the_health_check_succeeds_while_the_server_runs_and_fails_when_it_does_not(
    container: LiveServer, tree: Path, settings: dict[str, str]
) -> None:
    check = IMAGE.command("HEALTHCHECK")
    going_out = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}  # is another matter
    up = run(check, tree, {**settings, **going_out})
    down = run(check, tree, {**settings, "PORT": str(free_port())})
    print(f"HEALTHCHECK: {up.returncode} while it serves, {down.returncode} where nothing listens")
    assert up.returncode == 0, up.stderr
    assert down.returncode != 0
    [options] = IMAGE.all("HEALTHCHECK")
    assert int(re.search(r"--timeout=(\d+)s", options)[1]) > 3  # than the check's own patience


def test_a_reload_takes_new_settings_from_the_file_and_signs_nobody_out(container: LiveServer, tree: Path) -> None:
    """`systemctl reload`, as docs/deploy.md has it."""
    before = sign_in(container)
    assert before["expires_in"] == 86_400
    tree.chmod(0o755)
    (tree / ".env").write_text("ACCESS_TOKEN_EXPIRE_MINUTES=2880\n")
    try:
        reload(container)
        assert sign_in(container)["expires_in"] == 2 * 86_400
        bearer = {"Authorization": f"Bearer {before['access_token']}"}
        assert requests.get(f"{container.url}/api/me", headers=bearer, timeout=10).status_code == 200
    finally:
        (tree / ".env").unlink()
        tree.chmod(0o555)


@pytest.mark.parametrize(
    "wrong",
    [b"ACCESS_TOKEN_EXPIRE_MINUTES=much\n", b"CORS_ORIGINS=\xff\n", b"DATABASE_URL=sqlite:////proc/no/such/place.db\n"],
)
def test_a_reload_with_wrong_settings_changes_nothing_until_they_are_mended(
    container: LiveServer, tree: Path, wrong: bytes
) -> None:
    """The log says what is wrong; those who are served notice nothing."""
    lifetime = sign_in(container)["expires_in"]
    workers = set(container.worker_pids)
    lines = len(container.log.splitlines())
    tree.chmod(0o755)
    try:
        (tree / ".env").write_bytes(wrong)
        container.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Not reloaded" in "".join(container.log.splitlines()[lines:]), "the log says nothing")
        assert json.loads(container.log.splitlines()[lines])["level"] == "error"
        assert sign_in(container)["expires_in"] == lifetime
        assert set(container.worker_pids) == workers
        (tree / ".env").write_text(f"ACCESS_TOKEN_EXPIRE_MINUTES={lifetime // 60 + 60}\n")
        reload(container)
        assert sign_in(container)["expires_in"] == lifetime + 3600
    finally:
        (tree / ".env").unlink()
        tree.chmod(0o555)


def sign_in(server: LiveServer) -> dict[str, Any]:
    login = requests.post(f"{server.url}/api/login", json={"email": EMAIL, "password": PASSWORD}, timeout=10)
    assert login.status_code == 200, login.text
    return dict(login.json())


def test_only_what_serves_is_in_the_image(tree: Path) -> None:
    assert {path.name for path in tree.iterdir()} == {
        "LICENSE", "gunicorn.conf.py", "instance", "migrations", "static", "templates", "webapp", "wsgi.py",
    }  # fmt: skip
    patterns = ignore_patterns(ROOT / ".dockerignore")
    for path in (".git/config", ".env", "instance/secret_key", "tests/conftest.py", ".venv/bin/python", "compose.yaml",
                 "static/node_modules/x.js", "webapp/__pycache__/x", "webapp/x.pyc"):  # fmt: skip
        assert is_ignored(PurePosixPath(path), patterns), path


def test_a_file_that_git_knows_of_the_product_is_not_forgotten(tree: Path) -> None:
    """What a checkout serves, an image serves."""
    for folder in ("migrations", "static", "templates", "webapp"):
        here = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and "types" not in path.parts
            and path.suffix != ".tgz"
        }
        assert here == {path.relative_to(tree) for path in (tree / folder).rglob("*") if path.is_file()}


def test_the_image_runs_as_a_numbered_user_and_has_no_tools() -> None:
    assert IMAGE.last("USER") == f"{UID}:{UID}"
    assert IMAGE.image == BUILDER.image
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", IMAGE.image)
    assert IMAGE.command("CMD") == ["gunicorn", "wsgi:app"]
    assert (IMAGE.last("EXPOSE"), IMAGE.last("VOLUME")) == ("8000", "/app/instance")
    assert not re.search(r"apt|pip|curl|wget|sudo", " ".join(IMAGE.all("RUN")))
    [install] = [line for line in BUILDER.all("RUN") if "install" in line]
    assert "--require-hashes" in install
    assert "--only-binary=:all:" in install
    assert "--without-pip" in "".join(BUILDER.all("RUN"))
    order = [name for name, _ in IMAGE.instructions]
    assert order.index("USER") > max(index for index, name in enumerate(order) if name in ("RUN", "COPY"))
    assert not any("SECRET" in line or "PASSWORD" in line for line in (*IMAGE.all("ENV"), *IMAGE.all("ARG")))


def test_what_the_packages_need_on_the_images_python_is_pinned_too() -> None:
    """The pins are made for 3.11: one more that a package asks for on a newer Python would stop the build."""
    version = re.search(r"python:(3\.\d+)", IMAGE.image)[1]
    pinned = {
        canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.M)
    }
    python = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "platform_machine": "x86_64",
        "extra": "",
    }
    missing = []
    for package in distributions():
        if canonicalize_name(package.name) in pinned:
            needed = map(Requirement, package.requires or ())
            missing += [
                f"{package.name} needs {need}"
                for need in needed
                if (need.marker is None or need.marker.evaluate(python)) and canonicalize_name(need.name) not in pinned
            ]
    assert len(pinned) > 50
    assert missing == []


def test_the_mode_of_the_checkout_does_not_matter() -> None:
    """A strict umask leaves files that only their owner may read, and the image's user is another."""
    assert any("chmod -R u=rwX,go=rX /app" in line for line in BUILDER.all("RUN"))
    assert "--mode=0700 /app/instance" in " ".join(IMAGE.all("RUN"))


def test_a_source_that_is_not_in_the_context_stops_the_build(tmp_path: Path) -> None:
    stage = Stage("x", "", [("COPY", "tests tests/")])
    with pytest.raises(FileNotFoundError):
        copy_context(ROOT, stage, tmp_path)
