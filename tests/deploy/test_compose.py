"""The Compose file: who reaches whom, what runs with which rights, and in which order."""

import os
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from tests.deploy.compose import COMPOSE, SERVICES, TEXT
from tests.deploy.dockerfile import read_stages
from tests.support.command_line import PRODUCTION, run
from webapp.config import ROOT, Settings
from webapp.database import db

OURS = {name for name, service in SERVICES.items() if service["image"].startswith("evergreen:")}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_the_least_rights_and_a_pinned_image(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name == "proxy" else set())
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()
    assert "docker.sock" not in str(service)
    assert re.search(r":(\$\{EVERGREEN_VERSION:-latest\}|\d+(\.\d+)?-[a-z]+)$", service["image"])


def test_only_the_proxy_is_reached_from_outside_and_the_data_by_the_product_alone() -> None:
    assert {name for name, service in SERVICES.items() if service.get("ports")} == {"proxy"}
    assert COMPOSE["networks"]["data"]["internal"] is True
    on = {
        network: {name for name in SERVICES if network in SERVICES[name]["networks"]} for network in COMPOSE["networks"]
    }
    assert on == {"front": {"proxy", "app"}, "data": {"app", "migrate", "purge", "database", "redis"}}


def test_clients_come_by_ipv4_unless_the_proxys_network_has_both() -> None:
    """By IPv6 all would have the one address of Docker's own proxy, and share its limits."""
    ports = SERVICES["proxy"]["ports"]
    assert [port.removeprefix("0.0.0.0:") for port in ports] == ["80:80", "443:443", "443:443/udp"]
    assert COMPOSE["networks"]["front"].get("enable_ipv6") or all(port.startswith("0.0.0.0:") for port in ports)


def test_the_order_of_the_start_is_database_tables_product_proxy() -> None:
    needs = {
        name: {on: how["condition"] for on, how in s.get("depends_on", {}).items()} for name, s in SERVICES.items()
    }
    assert needs["migrate"] == {"database": "service_healthy"}
    assert needs["app"] == {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert needs["proxy"] == {"app": "service_healthy"}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("database", "redis", "proxy"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert not SERVICES["app"].get("healthcheck")  # the image's own
    graceful = int(re.search(r"^graceful_timeout = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.M)[1])
    assert int(SERVICES["app"]["stop_grace_period"].removesuffix("s")) > graceful


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_going_back_by_one_release_leaves_the_tables_as_they_are_and_starts(make_app: Callable[..., Flask]) -> None:
    app = make_app(**PRODUCTION)
    with app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
    [*program, command] = SERVICES["migrate"]["command"]
    assert program == ["flask", "--app", "wsgi"]
    result = run(app, command)
    assert (result.exit_code, result.output) == (0, "The tables are of a newer release: left as they are.\n")


def test_what_the_unit_purges_every_night_is_purged_here_too() -> None:
    [shell, option, script] = SERVICES["purge"]["command"]
    unit = (ROOT / "deploy/evergreen-purge.service").read_text()
    nightly = [words for words in re.findall(r"^ExecStart=\S+/(flask .*)$", unit, re.M)]
    assert (shell, option, len(nightly)) == ("sh", "-c", 2)
    assert script == f"while true; do {'; '.join(nightly)}; sleep 86400; done"


def test_no_secret_is_in_a_command_or_in_the_file() -> None:
    for name, service in SERVICES.items():
        said = " ".join(map(str, [*service.get("command", []), *service.get("healthcheck", {}).get("test", [])]))
        assert not re.search(r"\$\{|password|secret", said, re.I), name
    # By variable or not at all.
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == {
        "EVERGREEN_VERSION", "POSTGRES_PASSWORD", "PUBLIC_URL", "TRUSTED_PROXIES",
    }  # fmt: skip
    assert "env_file" not in SERVICES["database"].keys() | SERVICES["proxy"].keys() | SERVICES["redis"].keys()


def test_no_service_is_given_what_compose_cannot_put_into_a_read_only_container() -> None:
    """Compose copies secrets and configs that are no files into the container, whose root Docker refuses to change:
    nothing starts (docker/compose issue 12031)."""
    for name, service in SERVICES.items():
        for kind in ("secrets", "configs"):
            assert all("file" in COMPOSE[kind][given] for given in service.get(kind, [])), name


def test_redis_answers_others_than_its_own_machine() -> None:
    """Only the official image is built without its protected mode; any other would answer each of us with an error."""
    command = SERVICES["redis"]["command"]
    assert command[command.index("--protected-mode") + 1] == "no"


def test_what_the_product_is_told_are_settings_that_it_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {field.upper() for field in Settings.model_fields}
    values = {"POSTGRES_PASSWORD": "0123abcd", "PUBLIC_URL": "https://accounts.example.com", "TRUSTED_PROXIES": ""}
    for name in OURS:
        environment = {
            key: re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: values[found[1]] or found[2], value)
            for key, value in SERVICES[name]["environment"].items()
        }
        assert environment.keys() <= known
        for key, value in {
            **environment,
            "PUBLIC_URL": values["PUBLIC_URL"],
            "SECRET_KEY": "k" * 8 + "0123456789abcdefghijklmn!",
        }.items():
            monkeypatch.setenv(key, value)
        settings = Settings(_env_file=None)
        assert settings.trusted_proxies == 1
        assert settings.database_url == "postgresql+psycopg://evergreen:0123abcd@database/evergreen"
    [image] = [stage for stage in read_stages(ROOT / "Dockerfile") if not stage.name]
    assert image.environment["HOST"] == SERVICES["app"]["environment"]["HOST"]
    assert SERVICES["app"]["expose"] == [image.last("EXPOSE")]


def test_what_is_mounted_exists_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
    assert os.access(ROOT / "deploy/postgresql-role.sh", os.X_OK)
