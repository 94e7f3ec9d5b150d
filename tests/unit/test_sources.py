"""What our sources do not do (O08). Ruff's bandit rules are on as well: pyproject.toml, S."""

import ast
import re
from pathlib import Path

import pytest

from webapp.config import ROOT

SOURCES = sorted([*(ROOT / "webapp").rglob("*.py"), ROOT / "wsgi.py", ROOT / "gunicorn.conf.py"])
EVERYTHING = sorted(
    path
    for folder in ("webapp", "tests", "bench", "migrations")
    for path in (ROOT / folder).rglob("*.py")
    if not {"node_modules", ".venv"} & set(path.parts)
)
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
UNSAFE_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "marshal",
    "shelve",
    "yaml",
    "subprocess",
    "pty",
    "telnetlib",
    "random",
    "xml",
}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "Markup", "markupsafe.Markup"}
IGNORED_WITHOUT_REASON = re.compile(r"# noqa: S\d+\b(?!(, [A-Z]+\d+)* - \S)")


def _name(node: ast.expr) -> str:
    """Return `os.system` for the function of a call to it."""
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _unsafe(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE_MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Call) and _name(node.func) in UNSAFE_CALLS:
            found.append(_name(node.func))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_unpickles_evaluates_or_starts_anything(path: Path) -> None:
    """O08; `random` and `uuid` make no secrets (O09), and `Markup` none of our pages."""
    assert _unsafe(ast.parse(path.read_text())) == []


def test_what_is_looked_for_would_be_found() -> None:
    text = "import pickle, os\nfrom xml.dom import minidom\neval('1')\nos.system('x')\nMarkup('<b>')"
    assert _unsafe(ast.parse(text)) == ["pickle", "xml.dom", "eval", "os.system", "Markup"]


def test_no_template_switches_escaping_off() -> None:
    """O08."""
    assert len(TEMPLATES) > 30
    escapes = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(", re.IGNORECASE)
    assert [path.name for path in TEMPLATES if escapes.search(path.read_text())] == []
    assert escapes.search("{{ name | safe }}")
    assert escapes.search("{% autoescape false %}")


def test_every_finding_that_is_ignored_has_its_reason_beside_it() -> None:
    """O08."""
    loose = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in EVERYTHING
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if IGNORED_WITHOUT_REASON.search(line) and path != Path(__file__)
    ]
    assert loose == []
    assert IGNORED_WITHOUT_REASON.search("x = 1  # noqa: S105")
    assert not IGNORED_WITHOUT_REASON.search("x = 1  # noqa: S105 - a name")
