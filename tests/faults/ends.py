"""What ends a session, or changes what it opens, from elsewhere: a new password, an operator."""

from collections.abc import Callable

from tests.faults.accounts import Accounts, Person
from tests.faults.clients import Client
from tests.support.people import PASSWORD
from webapp import administrators
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db


def change_password(client: Client, _: Accounts, __: Person, other: str) -> None:
    body = {"current_password": PASSWORD, "new_password": "correct horse battery"}
    assert client.call("POST", "/api/me/password", bearer=other, body=body).status == 204


def deactivate(_: Client, accounts: Accounts, person: Person, __: str) -> None:
    as_operator(accounts, administrators.deactivate, person)


def as_operator(accounts: Accounts, act: Callable[..., bool], person: Person) -> None:
    """As by the command line: in a process of its own."""
    with accounts.app.app_context():
        assert act(db.session, user_id=person.id, actor_id=None, client=COMMAND_LINE, now=utc_now())
