"""flask sessions: who is signed in, and ending that."""

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import ColumnElement, true

from webapp import one_time_tokens, outbox, revocation, session_list, session_notes, stats
from webapp.audit import COMMAND_LINE
from webapp.cli.shared import explains_errors, find_user, json_option, minute, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.devices import device_name
from webapp.models import AuthSession
from webapp.web.context import settings

sessions_group = AppGroup("sessions", help="List, revoke and purge sessions.")


@sessions_group.command("list")
@click.option("--user", "email", help="Only the sessions of this address.")
@json_option
@explains_errors
def list_sessions(email: str | None, *, as_json: bool) -> None:
    """List live sessions, the latest seen first.

    A thousand at a time: of more, one that is used meanwhile may be missing. --user lists all of a user's."""
    user_id = None if email is None else find_user(email).id
    rows = session_list.read_active(db.session, settings(), user_id=user_id, now=utc_now())
    show(map(_facts, rows), as_json=as_json, line=_line)


def _facts(row: session_list.Listed) -> dict[str, Any]:
    names = ("id", "user_id", "transport", "ip", "created_at", "last_seen_at", "expires_at", "generation")
    facts = {name: getattr(row.session, name) for name in names}
    return {**facts, "email": row.email, "device": " on ".join(device_name(row.session.user_agent))}


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    return row["id"], row["email"], row["device"], row["ip"], f"last seen {minute(row['last_seen_at'])}"


# One id in 64 of those that were opened before 1.0.0 begins with "-": what is no option of ours is an id.
@sessions_group.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("session_id", required=False)
@click.option("--user", "email", help="All sessions of this address.")
@click.option("--all", "everyone", is_flag=True, help="All sessions of everybody.")
@explains_errors
def revoke_sessions(session_id: str | None, email: str | None, everyone: bool) -> None:
    """End one session, all of a user's, or all; their next requests are refused."""
    if [bool(session_id), bool(email), everyone].count(True) != 1:
        raise click.UsageError("Name a session, or --user EMAIL, or --all.")
    which = AuthSession.id == session_id if session_id else _of_user(email)
    ended = revocation.end_by_operator(db.session, which, client=COMMAND_LINE, now=utc_now())
    click.echo(f"Ended {ended} session{'' if ended == 1 else 's'}.")
    if session_id and not ended:
        raise click.ClickException("There is no live session with this id.")


@sessions_group.command("purge")
@explains_errors
def purge_sessions() -> None:
    """Delete what is over, every night: sessions and one-time tokens past their end, refreshes older than any session
    and two weeks, and mails that were given up 30 days ago or whose user is gone."""
    now = utc_now()
    click.echo(f"Deleted {revocation.purge(db.session, now=now)} expired sessions.")
    click.echo(f"Deleted {one_time_tokens.purge(db.session, now=now)} expired one-time tokens.")
    # The dashboard draws their number by day, also where sessions are shorter than its chart.
    before = now - max(settings().session_max, stats.DAYS * stats.DAY)
    click.echo(f"Deleted {session_notes.purge_refreshes(db.session, before=before)} old refreshes.")
    click.echo(f"Deleted {outbox.purge(db.session, now=now)} mails that could not be sent.")


def _of_user(email: str | None) -> ColumnElement[bool]:
    """Return the condition "belongs to the user with this address", or no condition without one."""
    return true() if email is None else AuthSession.user_id == find_user(email).id
