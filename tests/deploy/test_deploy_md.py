"""docs/deploy.md names files, commands and settings that there are."""

import re

from tests.deploy.compose import SERVICES
from tests.support.command_line import commands
from webapp.config import ROOT, Settings

TEXT = (ROOT / "docs/deploy.md").read_text()
OF_OTHERS = {"POSTGRES_PASSWORD", "GUNICORN_CMD_ARGS"}


def test_every_file_of_ours_that_is_named_exists() -> None:
    named = set(re.findall(r"\bdeploy/[\w@.-]+[\w*]", TEXT))
    assert len(named) >= 5
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_every_command_of_ours_exists() -> None:
    known = {name for name, _ in commands()} | {"db upgrade"}
    said = re.findall(r"(?:flask --app wsgi|^as) ([a-z]+(?: [a-z]+)?)", TEXT, re.MULTILINE)
    assert len(said) > 8
    assert [command for command in said if command not in known and command.split()[0] not in known] == []
    assert set(re.findall(r"docker compose exec (?:--\S+ )*(\w+)", TEXT)) <= SERVICES.keys()
    assert set(re.findall(r"docker compose run --rm (\w+)", TEXT)) <= SERVICES.keys()


def test_every_setting_exists() -> None:
    known = {name.upper() for name in Settings.model_fields} | OF_OTHERS
    said = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b", TEXT))
    assert said - known == set()
