"""flask mail: what waits to be sent, and sending it."""

import click
from flask.cli import AppGroup
from sqlalchemy import select

from webapp import outbox, postman
from webapp.cli.shared import explains_errors, json_option, minute, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.keyset import Order, Page, Position, read_all, read_page
from webapp.models import OutboxMail
from webapp.web.context import settings

mail_group = AppGroup("mail", help="List, send and retry the mails that wait.")


@mail_group.command("list")
@json_option
@explains_errors
def list_mail(*, as_json: bool) -> None:
    """List the mails that wait to be sent, the oldest first, and why they have not been."""
    names = ("id", "kind", "user_id", "created_at", "attempts", "next_attempt_at", "failed_at", "last_error")
    order = Order(OutboxMail.id, OutboxMail.id, descending=False)
    every = select(order.by, order.among_equals, OutboxMail)

    def read(position: Position, size: int) -> Page[OutboxMail]:
        return read_page(db.session, every, order, position, size=size, make=lambda row: row.OutboxMail)

    show(
        ({name: getattr(mail, name) for name in names} for mail in read_all(db.session, read)),
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
