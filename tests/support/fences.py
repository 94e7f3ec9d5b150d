"""The fenced blocks of our documents, found by how they begin, and the shell that runs them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.services import require_program
from webapp.config import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def fences(document: str) -> list[tuple[str, str]]:
    """Return (language, text) of each block; where none is named, the language is empty."""
    return FENCE.findall((ROOT / document).read_text(encoding="utf-8"))


def fence(document: str, begin: str) -> str:
    """Return the one block of a document that begins so."""
    [text] = [text for _, text in fences(document) if text.startswith(begin)]
    return text


def replaced(block: str, changes: Mapping[str, str]) -> str:
    """Return the block with what stands for the reader's own put in; what is not there is a mistake of the test."""
    for old, new in changes.items():
        assert old in block, f"{old!r} is not in the block any more"
        block = block.replace(old, new)
    return block


def copy_product(names: Iterable[str], target: Path) -> None:
    """Put these files and folders of the product where a block runs, as a release has them."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    target.mkdir(exist_ok=True)
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)


def shell(block: str, settings: Mapping[str, str], folder: Path = ROOT, *, given: str = "") -> str:
    """Run a block as an operator does who types `given`; each command has to succeed. Return what it printed."""
    programs = settings.get("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    done = subprocess.run(
        [require_program("bash"), "-euo", "pipefail", "-c", block],
        env={**settings, "PATH": programs},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=given,
        start_new_session=True,  # without a terminal, so that a password is read from what is given
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
