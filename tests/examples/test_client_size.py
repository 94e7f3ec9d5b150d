"""The client is small: for calls by fetch, 4.3 kB on the wire, as README.md says."""

import gzip
from pathlib import Path

import pytest

from tests.support.programs import clean_environment, run
from webapp.config import ROOT

CLIENT = ROOT / "static/js/evergreen"
LIMIT = 4329
WHAT = {
    "fetch": 'export { createAuth, installFetch } from "./index.js";',
    "all": 'export * from "./index.js";',
}


def bundle(esbuild: Path, source: str, *options: str) -> bytes:
    """Return what esbuild makes of a module in the client's folder."""
    command = [str(esbuild), "--bundle", "--format=esm", "--target=es2022", "--log-level=warning", *options]
    done = run(command, cwd=CLIENT, env=clean_environment(), given=source)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.encode()


@pytest.fixture(scope="module")
def sizes(tools: Path) -> dict[str, int]:
    """Bytes after gzip -9 of what is exported."""
    esbuild = tools / "node_modules/.bin/esbuild"
    files = (file for file in CLIENT.glob("*.js") if "native" not in file.name and "types" not in file.name)
    served = [file.stat().st_size for file in files]
    print(f"\nindex.js and all that it imports, as served: {len(served)} files, {sum(served)} bytes")
    zipped = {}
    for name, source in WHAT.items():
        plain, small = bundle(esbuild, source), bundle(esbuild, source, "--minify")
        zipped[name] = len(gzip.compress(small, 9))
        print(f"{name:5} bundled {len(plain):6}, minified {len(small):6}, gzip -9 {zipped[name]:5} bytes")
    return zipped


def test_the_fetch_client_is_as_small_as_the_readme_says(sizes: dict[str, int]) -> None:
    assert sizes["fetch"] <= LIMIT
    assert "4.3 kB, minified and compressed" in (ROOT / "README.md").read_text()


def test_a_bundler_leaves_out_what_is_not_used(sizes: dict[str, int]) -> None:
    assert sizes["fetch"] < 0.8 * sizes["all"]
