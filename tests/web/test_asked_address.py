"""The link of a new address: what it works after, who is in its way, and who keeps its owner from one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.desk import change
from tests.support.mailbox import Mailbox
from tests.support.recovery import OTHER, THIEF, ask_to_move, confirm
from tests.support.steps import HOUR, events, words

pytestmark = pytest.mark.usefixtures("clock", "user_id")

SHORT = "0.02"  # days: 28 minutes and 48 seconds


def test_a_link_works_though_the_session_that_asked_is_past_its_end_and_was_seen_to_be(
    make_app: Callable[..., Flask], tmp_path: Path, clock: time_machine.Traveller
) -> None:
    """P08: nobody has ended it; whoever comes back with its cookie has it written down as over."""
    short = {"session_max_days": SHORT, "refresh_token_expire_days": SHORT, "access_token_expire_minutes": 20}
    app = make_app(**short, auto_refresh_threshold_minutes=5, mail_url=f"file://{tmp_path}/mail")
    session = people.sign_in(app.test_client())
    ask_to_move(session)
    token = Mailbox(app, tmp_path / "mail").token("verify", OTHER)
    clock.shift(HOUR // 2)
    reply = session.http.post("/api/refresh", json={"refresh_token": session.refresh})
    assert (reply.status_code, [event.detail for event in events(app, "session_revoked")]) == (
        401,
        [{"reason": "expired"}],
    )
    assert confirm(app, token) == (204, "")


def test_a_link_whose_session_was_put_out_shows_no_form(app: Flask, mailbox: Mailbox) -> None:
    """P08: the form would be refused, after the password was typed into it."""
    owner, thief = (people.sign_in(app.test_client()) for _ in range(2))
    ask_to_move(thief)
    link = f"/verify/{mailbox.token('verify', OTHER)}"
    assert app.test_client().get(link).status_code == 200
    assert owner.http.delete("/api/sessions", headers=owner.bearer).status_code == 204
    assert app.test_client().get(link).status_code == 400


def test_a_link_to_an_address_that_was_taken_meanwhile_shows_no_form(app: Flask, mailbox: Mailbox) -> None:
    """P08."""
    ask_to_move(people.sign_in(app.test_client()))
    link = f"/verify/{mailbox.token('verify', OTHER)}"
    people.create_user(app, OTHER)
    page = app.test_client().get(link)
    assert (page.status_code, 'href="/account/security"' in page.text) == (409, True)


# --- who is in its way -----------------------------------------------------------------------------------


def test_a_stranger_who_signed_up_with_an_address_and_never_proved_it_is_in_nobodys_way(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """P08: its owner has the link, learns on the page what it does, and the stranger's account goes."""
    squatter = people.create_user(app, OTHER, "the squatters phrase", is_verified=False)
    in_already = people.sign_in(app.test_client(), email=OTHER, password="the squatters phrase")
    assert ask_to_move(people.sign_in(app.test_client()))[0] == 202
    token = mailbox.token("verify", OTHER)
    assert "That account is deleted if you go on." in words(app.test_client().get(f"/verify/{token}"))
    assert confirm(app, token) == (204, "")
    assert [(user.id, user.email, user.email_verified) for user in people.users(app)] == [(user_id, OTHER, True)]
    assert [event.user_id for event in events(app, "account_deleted")] == [squatter]
    assert in_already.me().status_code == 401


def test_an_address_that_was_proved_after_somebody_asked_for_it_is_a_conflict(app: Flask, mailbox: Mailbox) -> None:
    """P08: whoever proves it first has it."""
    other = people.create_user(app, OTHER, is_verified=False)
    ask_to_move(people.sign_in(app.test_client()))
    token = mailbox.token("verify", OTHER)
    change(app, other, email_verified=True)
    assert confirm(app, token) == (409, "address_taken")
    assert [user.email for user in people.users(app)] == [people.EMAIL, OTHER]


def test_an_administrator_who_never_proved_the_address_is_told_that_it_was_named(app: Flask, mailbox: Mailbox) -> None:
    """Z05: such an account makes no room."""
    people.create_user(app, OTHER, is_verified=False, is_admin=True)
    ask_to_move(people.sign_in(app.test_client()))
    assert mailbox.to(OTHER) == ["Your address was named"]


def test_who_asks_for_the_address_of_somebody_else_does_not_keep_them_from_a_link_that_works(
    app: Flask, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    """P07: when the last link is too old there is another, and no more than that."""
    people.create_user(app, THIEF)
    thief = people.sign_in(app.test_client(), email=THIEF)
    for _ in range(5):
        assert ask_to_move(thief)[0] == 202
        assert mailbox.to(OTHER) == ["Confirm your new address"]
    clock.shift(HOUR - 1)
    owner = people.sign_in(app.test_client())
    assert ask_to_move(owner)[0] == 202
    assert mailbox.to(OTHER) == []
    clock.shift(1)
    assert ask_to_move(owner)[0] == 202
    token = mailbox.token("verify", OTHER)
    assert ask_to_move(owner)[0] == 202
    assert mailbox.to(OTHER) == []
    assert confirm(app, token) == (204, "")
