"""flask mail: what waits to be sent, and sending it."""

import click
from flask.cli import AppGroup

from webapp import outbox, postman
from webapp.cli.shared import explains_errors, json_option, minute, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.web.context import settings

mail_group = AppGroup("mail", help="List, send and retry the mails that wait.")
MOST_MAILS = 1000


@mail_group.command("list")
@json_option
@explains_errors
def list_mail(*, as_json: bool) -> None:
    """List the mails that wait to be sent, the oldest first, and why they have not been."""
    names = ("id", "kind", "user_id", "created_at", "attempts", "next_attempt_at", "failed_at", "last_error")
    mails = outbox.waiting(db.session, limit=MOST_MAILS)
    rows = [{name: getattr(row, name) for name in names} for row in mails]
    show(
        rows,
        as_json=as_json,
        line=lambda row: (
            row["id"],
            row["kind"],
            minute(row["created_at"]),
            "given up" if row["failed_at"] else f"attempt {row['attempts'] + 1}",
            row["last_error"],
        ),
    )


@mail_group.command("send")
@explains_errors
def send_mail() -> None:
    """Send what is due now, as the servers do by themselves."""
    if settings().mail_route is None:
        raise click.ClickException("MAIL_URL does not say where mail goes.")
    click.echo(f"Sent {postman.deliver_due(settings())} mails.")


@mail_group.command("retry")
@explains_errors
def retry_mail() -> None:
    """Make the mails that failed or were given up due at once; the servers send them."""
    click.echo(f"{outbox.retry_failed(db.session, now=utc_now())} mails are due now.")
