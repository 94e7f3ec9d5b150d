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
# What compares a secret with what somebody has sent.
COMPARES_SECRETS = {
    "webapp/mfa.py": "matching_step",
    "webapp/introspection.py": "require_client",
    "webapp/web/health.py": "_has_metrics_token",
}
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


def _compares(tree: ast.AST) -> list[str]:
    """Return by what two values are found to be the same, once for each comparison."""
    calls = [_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    signs = [type(sign).__name__ for node in ast.walk(tree) if isinstance(node, ast.Compare) for sign in node.ops]
    return [name for name in calls if name.endswith("compare_digest")] + signs


@pytest.mark.parametrize(("path", "function"), COMPARES_SECRETS.items())
def test_a_secret_is_compared_in_a_time_that_says_nothing_of_it(path: str, function: str) -> None:
    """O10: all else that is secret is looked up by its hash, or has a signature."""
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    (found,) = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == function]
    assert _compares(found) == ["hmac.compare_digest"]


def test_whatever_compares_in_constant_time_is_listed_here() -> None:
    """O10."""
    users = [str(path.relative_to(ROOT)) for path in SOURCES if "compare_digest(" in path.read_text()]
    assert sorted(users) == sorted(COMPARES_SECRETS)
    assert _compares(ast.parse("a == b or a in c or hmac.compare_digest(a, b)")) == ["hmac.compare_digest", "Eq", "In"]


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
