"""flask events: the audit log."""

from datetime import datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup

from webapp import audit, event_list
from webapp.cli.shared import explains_errors, find_user, json_option, minute, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.keyset import Position

events_group = AppGroup("events", help="List and purge what the audit log holds.")
A_YEAR, A_CENTURY = 365, 36_500  # days


@events_group.command("list")
@click.option("--user", "email", help="Only what happened to the account with this address.")
@click.option("--kind", type=click.Choice([str(kind) for kind in audit.Kind]), help="Only events of this kind.")
@click.option("--ip", default="", help="Only from this network address.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on (UTC).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@explains_errors
def list_events(
    *, email: str | None, kind: str | None, ip: str, since: datetime | None, limit: int, as_json: bool
) -> None:
    """List events, the latest first."""
    page = event_list.find_events(
        db.session,
        kind=kind or "",
        user_id=None if email is None else find_user(email).id,
        ip=ip,
        since=since.date() if since else None,
        position=Position(),
        size=limit,
    )
    show([_facts(row) for row in page.rows], as_json=as_json, line=_line)


def _facts(row: event_list.Listed) -> dict[str, Any]:
    names = ("id", "at", "kind", "user_id", "actor_id", "session_id", "ip", "user_agent", "request_id", "detail")
    return {**{name: getattr(row.event, name) for name in names}, "email": row.email, "actor": row.actor_email}


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    by = row["actor"] or row["actor_id"] or "-"
    kind = f"{row['kind']} (refused)" if row["detail"].get("refused") else row["kind"]
    return minute(row["at"]), kind, row["email"] or row["user_id"] or "-", f"by {by}", row["ip"] or "-"


@events_group.command("purge")
@click.option(
    "--older-than", "days", type=click.IntRange(1, A_CENTURY), default=A_YEAR, show_default=True, help="Days."
)
@explains_errors
def purge_events(days: int) -> None:
    """Delete events that are older than so many days."""
    now = utc_now()
    count = audit.purge(db.session, before=now - timedelta(days=days), client=audit.COMMAND_LINE, now=now)
    click.echo(f"Deleted {count} events.")
