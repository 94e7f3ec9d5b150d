"""Each act of a user is one row of the audit log: whose account, by whom, from where, by which request (Z09)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people, second_factor
from tests.support.authenticator import Authenticator, add, creation_challenge
from tests.support.desk import change
from tests.support.mailbox import Mailbox
from tests.support.recovery import NEW_PASSWORD, OTHER, confirm, forgot, move_to, reset, use
from tests.support.registration import register
from tests.support.second_factor import Phone, set_up
from tests.support.steps import MINUTE, events
from tests.support.sudo import reauthenticate
from webapp.audit import Kind
from webapp.clock import utc_now

pytestmark = pytest.mark.usefixtures("clock")


@dataclass
class World:
    """John Doe, signed in, and what he may do."""

    app: Flask
    john: people.SignedIn
    user_id: int
    mailbox: Mailbox
    clock: time_machine.Traveller

    def call(self, route: str, **body: str) -> TestResponse:
        method, path = route.split()
        return self.john.http.open(path, method=method, json=body or None, headers=self.john.bearer)

    def call_with_password(self, route: str, **body: str) -> TestResponse:
        return self.call(route, password=people.PASSWORD, **body)

    def phone(self) -> Phone:
        """Set a second factor up; what comes later is later."""
        phone = set_up(self.john)
        self.clock.shift(MINUTE)
        return phone

    def login(self, code: str | None = None, **fields: str) -> TestResponse:
        return second_factor.login(self.app, code, **fields)

    def passkey(self) -> str:
        """Add a passkey; return its path."""
        added = add(self.john, Authenticator().create(creation_challenge(self.john)))
        return f"/api/passkeys/{added.json['id']}"

    def link(self, kind: str) -> str:
        return f"/{kind}/{self.mailbox.token(kind)}"

    def unverify(self) -> None:
        change(self.app, self.user_id, email_verified=False)


def confirm_address(world: World) -> None:
    world.unverify()
    world.call("POST /api/email/resend")
    confirm(world.app, world.mailbox.token("verify"))


def ask_for_a_link(world: World) -> None:
    world.unverify()
    world.call("POST /api/email/resend")


def undo_a_change_of_address(world: World) -> None:
    move_to(world.app, world.mailbox, OTHER, of=world.john)
    use(world.app, world.link("undo"))


def reset_the_password(world: World) -> None:
    forgot(world.app)
    reset(world.app, world.mailbox.token("reset"))


def disown_what_was_set_up(world: World) -> None:
    world.phone()
    use(world.app, world.link("not-me"))


def disown_codes_that_were_made(world: World) -> None:
    world.phone()
    world.mailbox.deliver()
    world.call("POST /api/me/recovery-codes")
    use(world.app, world.link("not-me"))


def take_the_second_factor_away(world: World) -> None:
    world.phone()
    world.call_with_password("DELETE /api/me/totp")


def make_new_codes(world: World) -> None:
    world.phone()
    world.call("POST /api/me/recovery-codes")


ACTS: dict[Kind, Callable[[World], object]] = {
    Kind.SIGN_IN: World.login,
    Kind.SIGN_IN_FAILED: lambda world: world.login(password="wrong"),
    Kind.SESSION_REVOKED: lambda world: world.call("POST /api/logout"),
    Kind.SIGN_IN_DISOWNED: disown_what_was_set_up,
    Kind.CODE_ASKED: lambda world: (world.phone(), world.login()),
    Kind.CODE_FAILED: lambda world: (world.phone(), world.login("no code")),
    Kind.REAUTHENTICATED: lambda world: reauthenticate(world.john),
    Kind.REAUTHENTICATION_FAILED: lambda world: reauthenticate(world.john, "wrong"),
    Kind.REGISTERED: lambda world: register(world.app),
    Kind.REGISTERED_AGAIN: lambda world: register(world.app, email=people.EMAIL),
    Kind.VERIFICATION_REQUESTED: ask_for_a_link,
    Kind.EMAIL_VERIFIED: confirm_address,
    Kind.EMAIL_CHANGE_REQUESTED: lambda world: world.call_with_password("POST /api/me/email", email=OTHER),
    Kind.EMAIL_CHANGED: lambda world: move_to(world.app, world.mailbox, OTHER, of=world.john),
    Kind.EMAIL_CHANGE_UNDONE: undo_a_change_of_address,
    Kind.RESET_REQUESTED: lambda world: forgot(world.app),
    Kind.PASSWORD_RESET: reset_the_password,
    Kind.PASSWORD_CHANGED: lambda world: world.call(
        "POST /api/me/password", current_password=people.PASSWORD, new_password=NEW_PASSWORD
    ),
    Kind.PROFILE_CHANGED: lambda world: world.call("PATCH /api/me", first_name="Jane"),
    Kind.DATA_EXPORTED: lambda world: world.call("GET /api/me/data"),
    Kind.ACCOUNT_DELETED: lambda world: world.call_with_password("DELETE /api/me"),
    Kind.TOTP_ENABLED: lambda world: set_up(world.john),
    Kind.TOTP_DISABLED: take_the_second_factor_away,
    Kind.RECOVERY_CODES_MADE: make_new_codes,
    Kind.RECOVERY_CODES_REMOVED: disown_codes_that_were_made,
    Kind.RECOVERY_CODE_USED: lambda world: world.login(world.phone().codes[0]),
    Kind.PASSKEY_ADDED: World.passkey,
    Kind.PASSKEY_RENAMED: lambda world: world.call(f"PATCH {world.passkey()}", name="Phone"),
    Kind.PASSKEY_REMOVED: lambda world: world.call(f"DELETE {world.passkey()}"),
}
# Nobody is known to have done it: whoever did has proved nothing yet.
BY_NOBODY = {
    Kind.SIGN_IN_FAILED,
    Kind.CODE_ASKED,
    Kind.CODE_FAILED,
    Kind.REGISTERED,
    Kind.REGISTERED_AGAIN,
    Kind.RESET_REQUESTED,
}
# What a user does not do by a request of their own, and which file looks at its row.
ELSEWHERE = {
    Kind.REFRESH_REUSE: "test_token_reuse.py",
    Kind.USER_CREATED: "test_cli_users.py",
    Kind.USER_PROMOTED: "test_admin_roles.py",
    Kind.USER_DEMOTED: "test_admin_roles.py",
    Kind.USER_ACTIVATED: "test_admin_acts.py",
    Kind.USER_DEACTIVATED: "test_admin_acts.py",
    Kind.USER_UNLOCKED: "test_admin_acts.py",
    Kind.ADMINISTRATION_REFUSED: "test_admin_doors.py",
    Kind.EXPORTED: "test_admin_downloads.py",
    Kind.EVENTS_PURGED: "test_cli_events.py",
    Kind.MAIL_DISCARDED: "test_mail_commands.py",
}


@pytest.fixture
def world(
    app: Flask, signed_in: people.SignedIn, user_id: int, mailbox: Mailbox, clock: time_machine.Traveller
) -> World:
    return World(app, signed_in, user_id, mailbox, clock)


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_of_a_user_is_one_row_that_says_who_did_it_and_by_which_request(world: World, kind: Kind) -> None:
    """Z09."""
    ACTS[kind](world)
    *before, last = sorted(events(world.app, kind), key=lambda event: event.id) or [None]
    assert last is not None
    assert last.request_id not in [event.request_id for event in before]
    # Whoever signs up is the newest user; all else is about the only one there is.
    whose = max([world.user_id, *(user.id for user in people.users(world.app))])
    assert (last.user_id, last.actor_id) == (whose, None if kind in BY_NOBODY else whose)
    assert (last.ip, len(last.request_id)) == ("127.0.0.1", 16)
    assert last.at == utc_now()


def test_the_row_of_a_refusal_has_the_number_that_the_answer_names(world: World) -> None:
    """Z09: and it survives the refusal."""
    for refused, kind in ((reauthenticate(world.john, "wrong"), Kind.REAUTHENTICATION_FAILED),
                          (world.login(password="wrong"), Kind.SIGN_IN_FAILED)):  # fmt: skip
        assert [event.request_id for event in events(world.app, kind)] == [refused.json["request_id"]]


def test_no_kind_of_event_is_without_a_test_of_its_row() -> None:
    """Z09: whoever adds one adds it above."""
    assert set(Kind) == {*ACTS, *ELSEWHERE}
    assert not set(ACTS) & set(ELSEWHERE)
    for kind, name in ELSEWHERE.items():
        assert f'"{kind}"' in (Path(__file__).parent / name).read_text(), kind
