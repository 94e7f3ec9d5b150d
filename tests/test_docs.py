"""The documents lead somewhere: every link resolves, every file and function that architecture.md names is there; the
changelog and every manifest have the product's version."""

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.support import api_reference
from webapp.config import ROOT, Settings
from webapp.version import VERSION

FOLDERS = (".", "bench", "bench/*", "docs", "examples/*", "static/js/evergreen")
DOCUMENTS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.md"))
CODE = re.compile(r"```.*?```", re.DOTALL)
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_project_resolves(document: Path) -> None:
    text = CODE.sub("", document.read_text())
    found = re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for path, _, anchor in (link.partition("#") for link in found):
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"


def test_there_are_documents_for_each_kind_of_reader() -> None:
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert names >= {
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/security.md",
        "docs/clients.md",
        "docs/api.md",
    }


def test_the_api_reference_is_current() -> None:
    is_current = api_reference.FILE.read_text(encoding="utf-8") == api_reference.reference()
    assert is_current, f"docs/api.md is out of date: `{api_reference.COMMAND}` writes it anew"


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = re.findall(r"`((?:webapp/|static/|gunicorn)[\w/.-]*(?:\.\w+|/))`", ARCHITECTURE)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_function_on_the_three_walks_is_there() -> None:
    walked = re.findall(r"`(webapp\.[\w.]+)`", ARCHITECTURE)
    assert len(walked) > 15
    for name in walked:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_every_setting_that_the_security_model_names_is_there() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", SECURITY))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_comparison_has_the_figures_of_the_last_measurement() -> None:
    rows = json.loads((ROOT / "bench/results.json").read_text())["calls"]
    [bare] = [row["cost"]["cpu_us"] for row in rows if row["who"] == "bare Flask"]
    costs = [row["cost"]["cpu_us"] for row in rows if row["call"] == "me" and row["database"] == "sqlite"]
    measured = " | ".join(f"{cost / bare:.2f}" for cost in costs)
    text = (ROOT / "docs/comparison.md").read_text()
    assert f"| {measured} |" in text, f"put this into docs/comparison.md: {measured}"


def test_the_newest_heading_of_the_changelog_is_the_product_s_version() -> None:
    newest, *older = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert re.fullmatch(re.escape(VERSION) + r" - \d{4}-\d{2}-\d{2}", newest), newest
    assert all(heading.split(" - ")[0] != VERSION for heading in older)


def test_package_and_client_have_the_product_s_version() -> None:
    versions = {"pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]}
    manifest = ROOT / "static/js/evergreen/package.json"
    versions["package.json"] = json.loads(manifest.read_text())["version"]
    for lock in ROOT.glob("examples/*/package-lock.json"):
        linked = json.loads(lock.read_text())["packages"]["../../static/js/evergreen"]
        versions[f"{lock.parent.name}/{lock.name}"] = linked["version"]
    assert len(versions) == 5
    assert versions == dict.fromkeys(versions, VERSION)
