"""A second factor is set up in two tabs at once: either counts, and never what nobody has confirmed (P12)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pyotp
from sqlalchemy import event

from tests.faults.accounts import Accounts, Person
from tests.faults.clients import Client, Reply
from tests.faults.servers import rows
from tests.support import forge
from tests.support.live import LiveServer
from tests.support.settings import make_settings
from webapp import mfa, mfa_setup
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.errors import InvalidFields, SecondFactorState


@contextmanager
def meanwhile(statement: str, act: Any) -> Iterator[list[Reply]]:
    """Let the server do `act` when this process is about to send `statement`; it may have to wait for this process."""
    replies: list[Reply] = []
    with ThreadPoolExecutor(1) as thread:
        tasks: list[Any] = []

        def before(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
            if sql.startswith(statement) and not tasks:
                tasks.append(thread.submit(act))
                wait(tasks, timeout=2)

        event.listen(db.engine, "before_cursor_execute", before)
        try:
            yield replies
        finally:
            event.remove(db.engine, "before_cursor_execute", before)
            assert tasks, f"nothing began with {statement}"
            replies.extend(task.result() for task in tasks)


def opens(client: Client, person: Person, totp: pyotp.TOTP) -> bool:
    """Whether the next code of the device opens the account; the present one may be spent."""
    body = person.sign_in_body(code=totp.at(int(time.time()) + mfa.STEP_SECONDS))
    return client.call("POST", "/api/login", body=body).status == 200


def test_a_device_that_is_confirmed_beside_a_new_beginning_stays_the_one(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """P12: a second tab has a secret made anew while the first confirms: what was confirmed opens the account."""
    person = accounts.create()
    access = client.call("POST", "/api/login", body=person.sign_in_body()).access
    sid = forge.read(access)["sid"]
    totp = pyotp.TOTP(client.call("POST", "/api/me/totp", bearer=access).body["secret"])

    def confirm() -> Reply:
        return client.call("POST", "/api/me/totp/confirm", bearer=access, body={"code": totp.now()})

    with accounts.app.app_context(), meanwhile("UPDATE users SET totp_seed", confirm) as confirmed:
        try:
            begun = mfa_setup.begin(db.session, make_settings(), user_id=person.id, sid=sid, now=utc_now())
        except SecondFactorState:
            begun = None
        db.session.rollback()
    assert (confirmed[0].status == 200) == (begun is None), "either the old secret counts, or the new one"
    if begun is None:
        assert opens(client, person, totp)


def test_a_confirmation_does_not_turn_on_a_secret_that_was_made_since(
    server: LiveServer, client: Client, accounts: Accounts
) -> None:
    """P12: the same, the other way round."""
    person = accounts.create()
    reply = client.call("POST", "/api/login", body=person.sign_in_body())
    totp = pyotp.TOTP(client.call("POST", "/api/me/totp", bearer=reply.access).body["secret"])
    (row,) = rows(server, "SELECT id FROM auth_sessions WHERE user_id = :id", id=person.id)
    who = {"user_id": person.id, "sid": row[0], "client": COMMAND_LINE, "now": utc_now()}

    def begin() -> Reply:
        return client.call("POST", "/api/me/totp", bearer=reply.access)

    with accounts.app.app_context(), meanwhile("UPDATE users SET totp_seed", begin):
        try:
            is_on = bool(mfa_setup.confirm(db.session, make_settings(), code=totp.now(), **who))
        except (SecondFactorState, InvalidFields):
            is_on = False
        db.session.rollback()
    assert not is_on or opens(client, person, totp)
