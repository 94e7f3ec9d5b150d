"""flask prepare, demo and doctor: setting an installation up, and examining it."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click
from alembic.migration import MigrationContext
from dotenv import dotenv_values, find_dotenv
from flask.cli import AppGroup, with_appcontext
from flask.helpers import get_load_dotenv
from flask_migrate import upgrade

from webapp import demo, doctor
from webapp.cli.shared import explains_errors, json_option, show
from webapp.clock import utc_now
from webapp.config import ROOT, ConfigError, Settings
from webapp.database import db
from webapp.doctor.database import is_ahead
from webapp.web.context import settings

demo_group = AppGroup("demo", help="Demo users and products, for development.")


@click.command("prepare")
@with_appcontext
@explains_errors
def prepare_command() -> None:
    """Bring the database up to date and, in development, load what is missing of the demo data.

    Tables of a newer release are left as they are: whoever goes back by one release works with them."""
    with db.engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    if is_ahead(revision):
        click.echo("The tables are of a newer release: left as they are.")
    else:
        upgrade()
    if settings().is_development:
        _load_demo()


@demo_group.command("load")
@explains_errors
def load_demo() -> None:
    """Create the demo users and products that are missing, and print what to sign in with."""
    if not settings().is_development:
        raise click.ClickException("Demo users have public passwords: they are for APP_ENV=development only.")
    _load_demo()


def _load_demo() -> None:
    demo.load(db.session, now=utc_now())
    for address, password, _ in demo.credentials(db.session, settings()):
        click.echo(f"Demo user: {address} / {password}")


@click.command("doctor")
@json_option
@with_appcontext
def doctor_command(*, as_json: bool) -> None:
    """Examine settings, files, network, mail, database and accounts; say what to mend, what matters most last."""
    _report(doctor.examine(db.session, settings(), environment=os.environ, now=utc_now()), as_json=as_json)


def refuse_foreign_env() -> None:
    """Raise ConfigError if flask has taken settings out of a file that is not the product's.

    It takes them from any folder above the one where it runs. Servers do not: a command would work on the database of
    something else."""
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true" or not get_load_dotenv():
        return
    for path in map(Path, filter(None, (find_dotenv(name, usecwd=True) for name in (".flaskenv", ".env")))):
        if path.resolve() == (ROOT / ".env").resolve():
            continue
        said = {name: value for name, value in dotenv_values(path).items() if name.lower() in Settings.model_fields}
        if taken := [name for name, value in said.items() if value and os.environ.get(name) == value]:
            message = f"{', '.join(taken)}: flask has taken this out of {path}, which no server reads"
            raise ConfigError(f"{message}. Run flask with FLASK_SKIP_DOTENV=1; {ROOT / '.env'} is read even so.")


def explain_failed_start(error: ConfigError | OSError) -> NoReturn:
    """Say why there is no application, to whoever starts it or asks the doctor, and end with exit status 1.

    Commands are the application's own: without one, flask would not even know that there is a doctor."""
    if "doctor" in sys.argv[1:]:
        _report(doctor.examine_failed_start(error, environment=os.environ), as_json="--json" in sys.argv)
    click.echo(f"Evergreen cannot start:\n{error}", err=True)
    raise SystemExit(1)


def _report(findings: list[doctor.Finding], *, as_json: bool) -> None:
    rows = [finding._asdict() for finding in findings]
    show(rows, as_json=as_json, line=lambda row: (f"{row['level']:5}{row['subject']}: {row['message']}",))
    if any(finding.level == "fail" for finding in findings):
        raise SystemExit(1)
