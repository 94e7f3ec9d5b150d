"""What puts somebody out while their sign-in is under way waits until the session is open, and so finds it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import webauthn
from flask import Flask
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.people import users
from tests.support.registration import NEW, PASSPHRASE, register
from tests.support.settings import PUBLIC_URL
from tests.support.steps import submit
from webapp import accounts, administration, administrators, passkeys
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import DbSession, db
from webapp.models import AuthSession, Passkey
from webapp.web import signing_in

Meanwhile = Callable[[Callable[..., object]], bool]

deactivate = partial(administrators.deactivate, actor_id=None)
remove_all = partial(administration.remove_second_factor, actor_id=None)
set_password = partial(accounts.set_password, password_hash="of another password", keep_sid=None)


def remove(session: DbSession, **who: Any) -> None:
    """Remove the passkey from the session that its owner has on another device."""
    passkeys.remove(session, passkey_id=1, sid=session.scalars(select(AuthSession.id)).one(), **who)


@pytest.fixture
def meanwhile(app: Flask) -> Iterator[Meanwhile]:
    """A function that has something done to the only account beside what the test does, and says whether it is done."""
    begun: list[Future[None]] = []

    def act(deed: Callable[..., object]) -> None:
        with app.app_context():
            deed(db.session, user_id=users(app)[0].id, client=COMMAND_LINE, now=utc_now())
            db.session.commit()

    with ThreadPoolExecutor(1) as thread:

        def begin(deed: Callable[..., object]) -> bool:
            begun.append(thread.submit(act, deed))
            return bool(wait(begun, timeout=0.5).done)

        yield begin
    assert [future.result() for future in begun] == [None]


@pytest.mark.parametrize("deed", [set_password, deactivate], ids=["new password", "deactivated"])
def test_the_link_that_confirms_an_address_lets_in_who_may_come_in_still(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile, deed: Callable[..., object]
) -> None:
    """V04, P09."""
    register(app)
    link, go_on, was_first = f"/verify/{mailbox.token('verify', NEW)}", signing_in.go_on, []

    def go_on_late(*args: Any, **options: Any) -> Any:
        was_first.append(meanwhile(deed))
        return go_on(*args, **options)

    monkeypatch.setattr(signing_in, "go_on", go_on_late)
    http = app.test_client()
    assert submit(http, link, {"password": PASSPHRASE}).location == "/account"
    assert was_first == [False]


@pytest.mark.parametrize(
    "deed", [deactivate, remove_all, remove], ids=["deactivated", "all passkeys removed", "passkey removed"]
)
def test_a_passkey_lets_in_who_may_come_in_still(
    app: Flask, user_id: int, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile, deed: Callable[..., object]
) -> None:
    """V04."""
    with app.app_context():
        row = {"credential_id": "an id", "public_key": b"", "sign_count": 0, "created_at": utc_now()}
        db.session.add(Passkey(user_id=user_id, name="Laptop", **row))
        db.session.commit()
    people.sign_in(app.test_client())
    was_first = []

    def verify_late(**_: Any) -> Any:
        was_first.append(meanwhile(deed))
        return SimpleNamespace(new_sign_count=1)

    monkeypatch.setattr(webauthn, "verify_authentication_response", verify_late)
    http = app.test_client()
    said = {"challenge": http.post("/api/login/passkey/options").json["challenge"], "origin": PUBLIC_URL}
    data = bytes_to_base64url(json.dumps(said).encode())
    body = {"credential": {"id": "an id", "response": {"clientDataJSON": data}}}
    assert http.post("/api/login/passkey", json=body).status_code == 200
    assert was_first == [False]
