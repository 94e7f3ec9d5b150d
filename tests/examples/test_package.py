"""The npm package as others get it, installed from its tarball: for a front end, in Node.js, and for TypeScript."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.site import JOHN, fill_in, submit
from tests.browser.watch import Watch
from tests.examples.serving import build, preview
from tests.support.live import LiveServer, free_port
from tests.support.programs import clean_environment, copy_without_modules, install, npm, run
from webapp.config import ROOT

HERE = Path(__file__).parent
CLIENT = ROOT / "static/js/evergreen"
NAME = "evergreen-auth"
INSTALLED = Path("node_modules") / NAME


@pytest.fixture(scope="module")
def compiler(node: str) -> list[str]:
    return [node, str(install(ROOT / "tests/js") / "node_modules/typescript/bin/tsc")]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm pack` makes in a fresh clone; it installs the compiler first, and makes the types by it."""
    clone, folder = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("tarball")
    for part in ("static/js/evergreen", "tests/js"):
        copy_without_modules(ROOT / part, clone / part)
    npm("pack", "--pack-destination", str(folder), cwd=clone / "static/js/evergreen")
    (tarball,) = folder.iterdir()
    return tarball


@pytest.fixture(scope="module")
def consumer(tools: Path, tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh program that has the package, and the libraries of `tools`."""
    folder = tmp_path_factory.mktemp("consumer")
    for name in (".npmrc", "package.json", "package-lock.json", "package/walk.mjs", "package/typed.ts"):
        shutil.copy(tools / name, folder)
    npm("install", str(tarball), cwd=folder)
    assert not (folder / INSTALLED).is_symlink()
    return folder


def test_the_tarball_holds_the_modules_and_their_types_and_nothing_else(tarball: Path) -> None:
    modules = {file.name for file in CLIENT.glob("*.js")}
    types = {f"types/{name.removesuffix('.js')}.d.ts" for name in modules}
    with tarfile.open(tarball) as archive:
        names = {member.name.removeprefix("package/") for member in archive.getmembers()}
    # npm always takes these two along if they are there.
    assert names - {"README.md", "LICENSE"} == modules | types | {"package.json"}


def test_every_way_into_the_package_leads_to_a_file(consumer: Path) -> None:
    manifest = json.loads((consumer / INSTALLED / "package.json").read_text())
    files = {manifest["types"], manifest["exports"].pop("./package.json")}
    for ways in manifest["exports"].values():
        files |= set(ways.values())
    assert "./native.js" in files
    assert [name for name in files if not (consumer / INSTALLED / name).is_file()] == []
    assert "dependencies" not in manifest


def test_a_program_of_node_signs_in_calls_refreshes_and_signs_out(node: str, consumer: Path, api: LiveServer) -> None:
    done = run([node, "walk.mjs", f"{api.url}/api"], cwd=consumer, env=clean_environment())
    assert (done.stderr, done.returncode) == ("", 0)
    assert json.loads(done.stdout) == {
        "email": "test@test.com",
        "errors": ["invalid_credentials", True],
        "facts": [True, True, None],
        "reasons": ["logout"],
        "sources": ["login", "refresh"],
        "statuses": [401, 200, 200, 401],
    }


@pytest.mark.parametrize(("module", "resolution"), [("es2022", "bundler"), ("nodenext", "nodenext")])
def test_every_export_has_its_right_type(compiler: list[str], consumer: Path, module: str, resolution: str) -> None:
    options = ["--ignoreConfig", "--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"]
    how = ["--module", module, "--moduleResolution", resolution, "--types", ""]
    done = run([*compiler, *options, *how, "typed.ts"], cwd=consumer, env=clean_environment())
    assert (done.stdout, done.returncode) == ("", 0)


def test_a_front_end_is_built_with_it_and_signs_in(
    browse: Callable[..., BrowserContext], watch: Watch, tarball: Path, tmp_path: Path, api: LiveServer
) -> None:
    watch.allow_status(401, "/api/refresh")
    app = copy_without_modules(ROOT / "examples/react", tmp_path / "app")
    npm("install", str(tarball), cwd=app)
    assert not (app / INSTALLED).is_symlink()
    build(app, app / "dist", api)
    port = free_port()
    with preview(app, app / "dist", port):
        page = browse(f"http://localhost:{port}").new_page()
        page.goto("/")
        fill_in(page, JOHN)
        submit(page)
        expect(page.get_by_role("heading", name="Hello, John Doe")).to_be_visible()
        expect(page.get_by_role("listitem").first).to_contain_text("Norway spruce")
