"""The command line: flask --app wsgi prepare | users | sessions | mail | demo | doctor."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade
from sqlalchemy import ColumnElement, select, true

from webapp import accounts, administration, demo, doctor, one_time_tokens, outbox, postman, revocation
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import OUTAGES, db
from webapp.devices import device_name, is_active
from webapp.errors import AppError, InvalidFields
from webapp.models import AuthSession, User
from webapp.web.context import settings

P = ParamSpec("P")
MOST_MAILS = 1000

users_group = AppGroup("users", help="Create and list users.")
sessions_group = AppGroup("sessions", help="List, revoke and purge sessions.")
mail_group = AppGroup("mail", help="List, send and retry the mails that wait.")
demo_group = AppGroup("demo", help="Demo users and products, for development.")


def init_app(app: Flask) -> None:
    for command in (users_group, sessions_group, mail_group, demo_group, prepare_command, doctor_command):
        app.cli.add_command(command)


def _explains_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a refusal of the product into one line on standard error and exit status 1."""

    @wraps(command)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except InvalidFields as error:
            lines = [f"{name}: {text}" for name, texts in error.errors.items() for text in texts]
            raise click.ClickException("\n".join(lines)) from None
        except OUTAGES:
            message = "The database cannot be used. `flask --app wsgi doctor` says what to mend."
            raise click.ClickException(message) from None
        except AppError as error:
            raise click.ClickException(error.detail) from None

    return explained


# --- users -----------------------------------------------------------------------------------------------


@users_group.command("create")
@click.argument("email")
@click.password_option(help="Asked for if not given.")
@click.option("--first-name", default="")
@click.option("--last-name", default="")
@click.option("--verified", is_flag=True, help="The address needs no confirmation.")
@click.option("--admin", is_flag=True, help="May use the dashboard.")
@_explains_errors
def create_user(email: str, *, password: str, first_name: str, last_name: str, verified: bool, admin: bool) -> None:
    """Create a user with the address EMAIL."""
    user = accounts.create_user(
        db.session,
        settings(),
        email=email,
        password=password,
        first_name=first_name,
        last_name=last_name,
        is_verified=verified,
        is_admin=admin,
        client=COMMAND_LINE,
        now=utc_now(),
    )
    click.echo(f"Created user {user.id}: {user.email}")


@users_group.command("list")
@_explains_errors
def list_users() -> None:
    """List all users."""
    for user in accounts.list_users(db.session):
        facts = {
            "administrator": user.is_admin,
            "unverified": not user.email_verified,
            "deactivated": not user.is_active,
        }
        notes = ", ".join(name for name, holds in facts.items() if holds)
        click.echo(f"{user.id}\t{user.email}\t{user.first_name} {user.last_name}\t{notes}".rstrip())


@users_group.command("remove-second-factor")
@click.argument("email")
@_explains_errors
def remove_second_factor(email: str) -> None:
    """Take two-step sign-in, recovery codes and passkeys of EMAIL away, for who has lost them; the owner is mailed."""
    who = {"user_id": _user(email).id, "actor_id": None, "client": COMMAND_LINE, "now": utc_now()}
    had_totp, count = administration.remove_second_factor(db.session, **who)  # type: ignore[arg-type]
    click.echo(f"Two-step sign-in {'is off now' if had_totp else 'was off'}. Removed {count} passkeys.")


def _user(email: str) -> User:
    user = accounts.find_user(db.session, email)
    if user is None:
        raise click.ClickException(f"There is no user with the address {email}.")
    return user


# --- sessions --------------------------------------------------------------------------------------------


@sessions_group.command("list")
@click.option("--user", "email", help="Only the sessions of this address.")
@_explains_errors
def list_sessions(email: str | None) -> None:
    """List live sessions, the latest seen first."""
    found = db.session.execute(
        select(AuthSession, User.email)
        .join(User, User.id == AuthSession.user_id)
        .where(_of_user(email), is_active(settings(), now=utc_now()))
        .order_by(AuthSession.last_seen_at.desc())
    )
    for row, address in found:
        device = " on ".join(device_name(row.user_agent))
        click.echo(f"{row.id}\t{address}\t{device}\t{row.ip}\tlast seen {row.last_seen_at:%Y-%m-%d %H:%M} UTC")


# One id in 64 begins with "-": what is no option of ours is an id.
@sessions_group.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("session_id", required=False)
@click.option("--user", "email", help="All sessions of this address.")
@click.option("--all", "everyone", is_flag=True, help="All sessions of everybody.")
@_explains_errors
def revoke_sessions(session_id: str | None, email: str | None, everyone: bool) -> None:
    """End one session, all of a user's, or all; their next requests are refused."""
    if [bool(session_id), bool(email), everyone].count(True) != 1:
        raise click.UsageError("Name a session, or --user EMAIL, or --all.")
    which, now = AuthSession.id == session_id if session_id else _of_user(email), utc_now()
    ended = revocation.end_sessions(
        db.session,
        which,
        AuthSession.expires_at > now,
        reason=revocation.EndReason.ENDED_BY_OPERATOR,
        actor_id=None,
        client=COMMAND_LINE,
        now=now,
    )
    db.session.commit()
    click.echo(f"Ended {len(ended)} session{'' if len(ended) == 1 else 's'}.")
    if session_id and not ended:
        raise click.ClickException("There is no live session with this id.")


@sessions_group.command("purge")
@_explains_errors
def purge_sessions() -> None:
    """Delete sessions past their absolute end, and one-time tokens past theirs."""
    click.echo(f"Deleted {revocation.purge(db.session, now=utc_now())} expired sessions.")
    click.echo(f"Deleted {one_time_tokens.purge(db.session, now=utc_now())} expired one-time tokens.")


def _of_user(email: str | None) -> ColumnElement[bool]:
    """Return the condition "belongs to the user with this address", or no condition without one."""
    return true() if email is None else AuthSession.user_id == _user(email).id


# --- mail ------------------------------------------------------------------------------------------------


@mail_group.command("list")
@_explains_errors
def list_mail() -> None:
    """List the mails that wait to be sent, the oldest first, and why they have not been."""
    for row in outbox.waiting(db.session, limit=MOST_MAILS):
        state = "given up" if row.failed_at else f"attempt {row.attempts + 1}"
        click.echo(f"{row.id}\t{row.kind}\t{row.created_at:%Y-%m-%d %H:%M} UTC\t{state}\t{row.last_error}".rstrip())


@mail_group.command("send")
@_explains_errors
def send_mail() -> None:
    """Send what is due now, as the servers do by themselves."""
    if settings().mail_route is None:
        raise click.ClickException("MAIL_URL does not say where mail goes.")
    click.echo(f"Sent {postman.deliver_due(settings())} mails.")


@mail_group.command("retry")
@_explains_errors
def retry_mail() -> None:
    """Make the mails that failed or were given up due at once; the servers send them."""
    click.echo(f"{outbox.retry_failed(db.session, now=utc_now())} mails are due now.")


# --- setting up and examining ------------------------------------------------------------------------------


@click.command("prepare")
@with_appcontext
@_explains_errors
def prepare_command() -> None:
    """Bring the database up to date and, in development, load what is missing of the demo data."""
    upgrade()
    if settings().is_development:
        _load_demo()


@demo_group.command("load")
@_explains_errors
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
