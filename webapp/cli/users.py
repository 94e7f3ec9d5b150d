"""flask users: creating, finding and changing accounts."""

from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from webapp import (
    account_deletion,
    accounts,
    administration,
    administrators,
    devices,
    passkeys,
    session_list,
    throttle,
    user_list,
)
from webapp.audit import COMMAND_LINE
from webapp.cli.shared import AskedFor, explains_errors, find_user, json_option, minute, print_json, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.keyset import Page, Position, read_all, read_page
from webapp.models import User
from webapp.web.context import settings

users_group = AppGroup("users", help="Create, list, show and change users.")


@users_group.command("create")
@click.argument("email")
@click.password_option(
    cls=AskedFor,
    help="Asked for if not given, which is better: a command's arguments can be read by everybody on the machine.",
)
@click.option("--first-name", default="")
@click.option("--last-name", default="")
@click.option("--verified", is_flag=True, help="The address needs no confirmation.")
@click.option("--admin", is_flag=True, help="May use the dashboard.")
@explains_errors
def create_user(email: str, *, password: str, first_name: str, last_name: str, verified: bool, admin: bool) -> None:
    """Create a user with the address EMAIL."""
    user = accounts.create_user(
        db.session,
        email=email,
        password=password,
        password_min_length=settings().password_min_length,
        first_name=first_name,
        last_name=last_name,
        is_verified=verified,
        is_admin=admin,
        client=COMMAND_LINE,
        now=utc_now(),
    )
    click.echo(f"Created user {user.id}: {user.email}")


@users_group.command("list")
@json_option
@explains_errors
def list_users(*, as_json: bool) -> None:
    """List all users, the oldest account first."""

    def read(position: Position, size: int) -> Page[User]:
        order = user_list.ORDERS["oldest"]
        every = select(order.by, order.among_equals, User)
        return read_page(db.session, every, order, position, size=size, make=lambda row: row.User)

    rows = map(_facts, read_all(db.session, read))
    show(rows, as_json=as_json, line=lambda row: (row["id"], row["email"], _name(row), _notes(row)))


def _facts(user: User) -> dict[str, Any]:
    """Return what a user is, for print: no hash, no seed."""
    names = ("id", "email", "first_name", "last_name", "email_verified", "is_admin", "is_active", "created_at")
    facts = {name: getattr(user, name) for name in names}
    return {
        **facts,
        "second_factor_since": user.totp_enabled_at,
        "locked_for_new_devices": user.failed_sign_ins >= throttle.FAILURES_IN_A_ROW,
    }


def _name(row: dict[str, Any]) -> str:
    return f"{row['first_name']} {row['last_name']}"


def _notes(row: dict[str, Any]) -> str:
    notes = {
        "administrator": row["is_admin"],
        "unverified": not row["email_verified"],
        "deactivated": not row["is_active"],
        "locked for new devices": row["locked_for_new_devices"],
    }
    return ", ".join(note for note, holds in notes.items() if holds)


@users_group.command("show")
@click.argument("email")
@json_option
@explains_errors
def show_user(email: str, *, as_json: bool) -> None:
    """Show the user with the address EMAIL: what is known, passkeys, active sessions."""
    user = find_user(email)
    facts = {
        **_facts(user),
        "passkeys": [passkey.name for passkey in passkeys.list_passkeys(db.session, user_id=user.id)],
        "sessions": [
            {
                "id": row.session.id,
                "device": " on ".join(devices.device_name(row.session.user_agent)),
                "ip": row.session.ip,
                "last_seen_at": row.session.last_seen_at,
            }
            for row in session_list.read_active(db.session, settings(), user_id=user.id, now=utc_now())
        ],
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{user.id}\t{user.email}\t{_name(facts)}\t{_notes(facts)}".rstrip())
    click.echo(f"Since {minute(user.created_at)}")
    click.echo(f"Two-step sign-in: {minute(user.totp_enabled_at) if user.totp_enabled_at else 'off'}")
    click.echo(f"Passkeys: {', '.join(facts['passkeys']) or 'none'}")
    click.echo(f"Active sessions: {len(facts['sessions'])}")
    for session in facts["sessions"]:
        click.echo(f"  {session['id']}\t{session['device']}\t{session['ip']}\t{minute(session['last_seen_at'])}")


@users_group.command("remove-second-factor")
@click.argument("email")
@explains_errors
def remove_second_factor(email: str) -> None:
    """Take two-step sign-in, recovery codes and passkeys of EMAIL away, for who has lost them; the owner is mailed."""
    who = {"user_id": find_user(email).id, "actor_id": None, "client": COMMAND_LINE, "now": utc_now()}
    had_totp, count = administration.remove_second_factor(db.session, **who)  # type: ignore[arg-type]
    click.echo(f"Two-step sign-in {'is off now' if had_totp else 'was off'}. Removed {count} passkeys.")


@users_group.command("delete")
@click.argument("email")
@click.confirmation_option(
    "--yes",
    cls=AskedFor,
    prompt="The account and everything in it will be gone. Delete it?",
    help="Delete without asking.",
)
@explains_errors
def delete_user(email: str) -> None:
    """Delete the account of EMAIL, for who has asked for it. A confirmed address is mailed; the audit log stays."""
    user = find_user(email)
    user_id, address = user.id, user.email
    account_deletion.remove(db.session, user_id=user_id, actor_id=None, client=COMMAND_LINE, now=utc_now())
    click.echo(f"Deleted user {user_id}: {address}")


def _changing(
    name: str,
    use_case: Callable[..., object],
    done: str,
    text: str,
    *,
    is_so: Callable[[User], bool] = lambda _: True,
) -> None:
    """Add a command that does one thing to the user with an address, and fails if it `is_so` not even then."""

    @users_group.command(name, help=text)
    @click.argument("email")
    @explains_errors
    def change(email: str) -> None:
        user = find_user(email)
        is_changed = use_case(db.session, user_id=user.id, actor_id=None, client=COMMAND_LINE, now=utc_now())
        if not (is_changed or is_so(find_user(email))):
            raise click.ClickException(f"{user.email} is deactivated. Activate the account first.")
        click.echo(f"{user.email} {done}.")


_changing(
    "promote",
    administrators.promote,
    "is an administrator now",
    "Make EMAIL an administrator.",
    is_so=lambda user: user.is_admin,
)
_changing("demote", administrators.demote, "is no administrator any more", "Take administration away from EMAIL.")
_changing("deactivate", administrators.deactivate, "is deactivated; every session has ended", "Let EMAIL in no more.")
_changing("activate", administrators.activate, "can sign in again", "Let EMAIL in again.")
_changing(
    "unlock",
    administration.unlock,
    "lets new devices in again",
    "Let new devices of EMAIL in after many failed sign-ins.",
)
