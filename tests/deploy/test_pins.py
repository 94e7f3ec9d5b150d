"""Nothing is installed but what was chosen, to the last byte (O07)."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from webapp.config import ROOT

REQUIREMENTS = ("requirements.txt", "tests/requirements.txt")
LOCKS = sorted(path.relative_to(ROOT) for path in ROOT.glob("*/*/package-lock.json")) + sorted(
    path.relative_to(ROOT) for path in ROOT.glob("*/package-lock.json")
)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of a package with one module."""
    path, files = tmp_path / "pinned-1.0-py3-none-any.whl", {"pinned.py": "HONEST = True\n"}
    files["pinned-1.0.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: pinned\nVersion: 1.0\n"
    files["pinned-1.0.dist-info/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    _pack(path, files)
    return path


def _pack(path: Path, files: dict[str, str]) -> None:
    """Write a wheel whose RECORD is right: pip finds nothing wrong with the wheel itself."""
    record = "".join(f"{name},sha256={_urlsafe(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "pinned-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _tamper(wheel: Path) -> None:
    """Let the wheel be somebody else's, under the same name and as valid."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist() if not name.endswith("RECORD")}
    _pack(wheel, {**files, "pinned.py": "HONEST = False\n"})


def _install(wheel: Path, pin: str) -> tuple[int, str, bool]:
    """Install as the Makefile does, but from the folder of the wheel; return status, complaint, whether it is there."""
    requirements, target = wheel.parent / "requirements.txt", wheel.parent / "target"
    requirements.write_text(f"{pin}\n")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run(
        [*command, "--no-index", "--find-links", wheel.parent, "--target", target, "--requirement", requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr, (target / "pinned.py").exists()


def test_a_wheel_that_was_tampered_with_is_not_installed(wheel: Path) -> None:
    """O07."""
    pin = f"pinned==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    assert _install(wheel, pin) == (0, "", True)
    (wheel.parent / "target/pinned.py").unlink()
    _tamper(wheel)
    status, complaint, is_there = _install(wheel, pin)
    print(f"O07: the tampered wheel: exit status {status}, {complaint.splitlines()[0][:60]}")
    assert status != 0
    assert "DO NOT MATCH THE HASHES" in complaint
    assert not is_there


def test_a_package_without_a_hash_is_not_installed(wheel: Path) -> None:
    """O07."""
    status, complaint, is_there = _install(wheel, "pinned==1.0")
    assert (status, is_there) == (1, False)
    assert "Hashes are required" in complaint


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_package_is_pinned_with_hashes_and_from_no_place_of_its_own(name: str) -> None:
    """O07."""
    text = re.sub(r"\\\n\s*", "", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.fullmatch(r"[a-z0-9.\-]+==\S+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+\s*", line), line[:80]


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_every_package_of_node_has_its_integrity(path: Path) -> None:
    """O07."""
    packages = json.loads((ROOT / path).read_text())["packages"]
    loose = [
        name
        for name, package in packages.items()
        if name.startswith("node_modules/")
        and not package.get("link")
        and not package.get("integrity", "").startswith("sha512-")
    ]
    assert loose == []


def test_nothing_else_installs() -> None:
    """O07: each command that installs says that hashes are required, or goes by a lock file."""
    files = [ROOT / name for name in ("Makefile", "Dockerfile", ".ci/run", "docs/deploy.md", "README.md")]
    commands = [
        line
        for file in files
        for line in re.sub(r"\\\n\s*", "", file.read_text()).splitlines()
        if re.search(r"\b(pip3?|uv pip)\b.*\binstall\b|\bnpm (install|i|add)\b", line)
    ]
    assert len(commands) >= 4
    assert [line for line in commands if "--require-hashes" not in line] == []
