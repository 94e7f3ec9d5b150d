"""flask prepare, demo, keys and doctor: setting an installation up, and examining it."""

import secrets

import click
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade

from webapp import demo, doctor
from webapp.cli.shared import explains_errors, json_option, print_json
from webapp.clock import utc_now
from webapp.database import db
from webapp.web.context import settings

demo_group = AppGroup("demo", help="Demo users and products, for development.")
keys_group = AppGroup("keys", help="Keys that sign forms and tokens.")
KEY_BYTES = 48


@keys_group.command("new")
@json_option
def new_key(*, as_json: bool) -> None:
    """Print a new key for SECRET_KEY: 384 random bits. Nothing is stored."""
    key = secrets.token_urlsafe(KEY_BYTES)
    if as_json:
        print_json({"SECRET_KEY": key})
    else:
        click.echo(f"SECRET_KEY={key}")


@click.command("prepare")
@with_appcontext
@explains_errors
def prepare_command() -> None:
    """Bring the database up to date and, in development, load what is missing of the demo data."""
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
    demo.load(db.session, settings(), now=utc_now())
    for address, password in demo.credentials(db.session, settings()):
        click.echo(f"Demo user: {address} / {password}")


@click.command("doctor")
@with_appcontext
def doctor_command() -> None:
    """Examine settings, database, migrations, CORS and cookies; say what to mend."""
    findings = doctor.examine(db.session, settings())
    for level, subject, message in findings:
        click.echo(f"{level:5}{subject}: {message}")
    if any(finding.level == "fail" for finding in findings):
        raise SystemExit(1)
