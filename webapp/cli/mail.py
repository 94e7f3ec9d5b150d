"""flask mail: what waits to be sent, sending it, and throwing it away."""

import click
from flask.cli import AppGroup
from sqlalchemy import select

from webapp import outbox, postman
from webapp.audit import COMMAND_LINE
from webapp.cli.shared import explains_errors, json_option, minute, show
from webapp.clock import utc_now
from webapp.database import db
from webapp.keyset import Order, Page, Position, read_all, read_page
from webapp.mail import LINK_LIFETIMES
from webapp.models import OutboxMail
from webapp.web.context import settings

mail_group = AppGroup("mail", help="List, send, retry and discard the mails that wait.")
MOST_ID = 2**63 - 1


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
    """Make the mails that failed or were given up due at once; the servers send them.

    But for those that were given up and are older than their links live: whoever still wants one has asked anew."""
    due, left = outbox.retry_failed(db.session, lifetimes=LINK_LIFETIMES, now=utc_now())
    click.echo(f"{due} mails are due now.")
    if left:
        click.echo(f"{left} are older than their links live, and stay given up: `flask --app wsgi mail discard`.")


@mail_group.command("discard")
@click.argument("mail_id", type=click.IntRange(1, MOST_ID), required=False)
@explains_errors
def discard_mail(mail_id: int | None) -> None:
    """Throw away the mail with that id (see list), or all that were given up; nobody gets them."""
    which = outbox.WAS_GIVEN_UP if mail_id is None else OutboxMail.id == mail_id
    count = outbox.discard(db.session, which, client=COMMAND_LINE, now=utc_now())
    if mail_id is not None and not count:
        raise click.ClickException("There is no mail with this id.")
    click.echo(f"Discarded {count} mail{'' if count == 1 else 's'}.")
