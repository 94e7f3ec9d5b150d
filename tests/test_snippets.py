"""Every fenced block of README, CONTRIBUTING and docs is run by a test, and every command that they name is there."""

import importlib.util
import json
import re
from collections.abc import Iterator
from itertools import product

import click
import pytest
from flask_migrate.cli import db as db_group

from tests.support.command_line import GROUPS
from tests.support.fences import fences
from webapp.cli import doctor_command, prepare_command
from webapp.config import ROOT

DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

# By document: the test that runs a block or, where nothing can be run, looks at it, and how such blocks begin, with
# their language first. Whoever adds a block adds it here.
REGISTER: dict[str, dict[str, list[str]]] = {
    "README.md": {
        "test_readme.py::test_make_run_prints_what_the_readme_says": ["make run", "Demo user:"],
        "test_readme.py::test_make_test_checks_everything_and_runs_every_test": ["make test"],
        "test_readme.py::test_the_diagram_leads_to_the_end_by_each_state": ["mermaid stateDiagram-v2"],
        "test_readme.py::test_the_curl_walk_of_the_readme_runs_word_for_word": ["bash BASE="],
        "browser/test_readme_snippet.py::test_the_snippet_signs_in_and_lists_products": ["js import"],
    },
    "docs/api.md": {
        "web/test_api_reference.py::test_every_request_gets_the_answer_that_stands_below_it": ["http "],
        "test_docs.py::test_the_api_reference_is_current": ["json {"],
    },
    "docs/clients.md": {
        "browser/test_readme_snippet.py::test_the_snippet_signs_in_and_lists_products": [
            "js import { createAuth } from"
        ],
        "examples/test_clients_md.py::test_the_snippet_for_axios": ["js import axios"],
        "examples/test_clients_md.py::test_the_snippet_for_react": ["jsx import * as React"],
        "examples/test_clients_md.py::test_the_snippet_for_react_native": ["js import AsyncStorage"],
        "test_readme.py::test_the_curl_walk_of_the_clients_runs_word_for_word": ["bash BASE="],
    },
    "docs/deploy.md": {
        "deploy/test_rehearsal.py::test_the_blocks_for_compose_run": [
            "sh git clone https://example.com/evergreen.git /opt/evergreen && cd",
            "sh git fetch",
        ],
        "deploy/test_rehearsal.py::test_an_installation_by_the_document_is_whole": [
            "sh apt-get install",
            "sh su postgres",
            "sh mkdir -p /opt/evergreen",
            "sh install --mode",
            "sh APP_ENV=production",
            "sh as() {",
            "sh mkdir -p /var/www",
        ],
        "deploy/test_rehearsal.py::test_after_a_restore_everybody_is_signed_out": ["sh flask --app wsgi sessions"],
        "deploy/test_rehearsal.py::test_an_upgrade_by_the_document_is_whole": ["sh git clone --branch"],
    },
    "docs/operations.md": {
        "test_operations_md.py::test_the_line_of_the_log_has_the_fields_of_a_real_one": ['json {"at":'],
        "test_operations_md.py::test_events_are_listed_and_purged": ["sh flask --app wsgi events"],
        "test_operations_md.py::test_the_location_for_nginx_keeps_the_metrics_back": ["nginx location = /metrics"],
        "test_operations_md.py::test_prometheus_is_let_in_as_its_file_says": [
            "yaml # prometheus.yml",
            "yaml scrape_configs:",
        ],
        "test_grafana_dashboard.py::test_every_alert_asks_for_what_is_told": ["yaml # evergreen.rules.yml"],
        "test_operations_md.py::test_new_keys_are_printed_as_settings_have_them": ["sh flask --app wsgi keys new"],
        "test_operations_md.py::test_seeds_are_sealed_anew_and_everybody_is_signed_out": ["sh SECRET_KEY_PREVIOUS="],
        "test_operations_md.py::test_a_service_asks_about_a_token": ["sh curl -u reports:"],
        "faults/test_backup.py::test_a_backup_under_load_is_whole_and_its_restore_signs_everybody_out": [
            "sh umask 077",
            "sh createdb",
            "sh export DATABASE_URL=",
        ],
        "deploy/test_rehearsal.py::test_a_restore_with_compose_is_whole": [
            "sh (umask 077; docker",
            "sh docker compose stop",
        ],
        "faults/test_least_rights.py::database": [
            "sql CREATE ROLE",
            "sql ALTER DEFAULT PRIVILEGES",
            "sh DATABASE_URL=",
        ],
    },
}

COMMANDS = {group.name: group for group in (*GROUPS, db_group)} | {
    command.name: command for command in (doctor_command, prepare_command)
}
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_known_and_nothing_else_is(document: str) -> None:
    begins = [begin for known in REGISTER.get(document, {}).values() for begin in known]
    seen = set()
    for language, text in fences(document):
        block = f"{language} {text}".strip()
        known = [begin for begin in begins if block.startswith(begin)]
        assert len(known) == 1, f"{document}: which test runs this block? Put it into REGISTER.\n{block}"
        seen.update(known)
    assert seen == set(begins)
    assert (ROOT / document).read_text(encoding="utf-8").count("```") == 2 * len(fences(document))


def test_every_test_that_runs_blocks_is_there() -> None:
    for name in {test for known in REGISTER.values() for test in known}:
        file, _, function = name.partition("::")
        assert f"def {function}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), name


def commands_of_ours(text: str) -> Iterator[list[str]]:
    """Yield the words after `flask --app wsgi`, once for each of `list|send|retry`."""
    for line in re.findall(r"flask --app wsgi ([a-z][^`\n#]*)", text):
        words = line.split()
        yield from (list(one) for one in product(*(word.split("|") for word in words)))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_ours_is_there_with_its_options(document: str) -> None:
    for words in commands_of_ours((ROOT / document).read_text(encoding="utf-8")):
        command, arguments = COMMANDS[words[0]], words[1:]
        if isinstance(command, click.Group) and arguments != ["--help"]:
            command, arguments = command.commands[arguments[0]], arguments[1:]
        assert command.name
        command.make_parser(click.Context(command)).parse_args(arguments)


def test_every_other_program_of_ours_that_is_named_is_there() -> None:
    text = "\n".join((ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS)
    made = re.findall(r"(?:`|^|&& )make ([a-z-]+)", text, re.MULTILINE)
    files = re.findall(r"(?:bin/pytest|bash) ([\w.]+/[\w./]+)", text)
    modules = re.findall(r"python -m (bench\.\w+)", text)
    packages = re.findall(r"npm --prefix (\S+) start", text)
    assert all((made, files, modules, packages))
    assert [target for target in made if target not in TARGETS] == []
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
    for package in packages:
        assert "start" in json.loads((ROOT / package / "package.json").read_text())["scripts"]
