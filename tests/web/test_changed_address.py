"""The changed address: it counts once the new one is confirmed, and the old one can undo it."""

import pytest
from flask import Flask

from tests.support import people
from tests.support.desk import change
from tests.support.mailbox import Mailbox, text
from tests.support.recovery import NEW_PASSWORD, OTHER, ask_to_move, confirm, forgot, reset
from tests.support.sessions import ended_because
from tests.support.steps import csrf_token, events, login
from webapp.database import db
from webapp.models import User

pytestmark = pytest.mark.usefixtures("clock", "user_id")


def test_an_address_changes_when_the_new_one_is_confirmed_and_the_old_one_can_undo_it(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """P08."""
    session = people.sign_in(app.test_client())
    assert ask_to_move(session)[0] == 202
    assert login(app, people.PASSWORD) == 200
    mails = {str(mail["To"]): mail for mail in mailbox.deliver() if "sign-in" not in mail["Subject"]}
    assert {to: str(mail["Subject"]) for to, mail in mails.items()} == {
        OTHER: "Confirm your new address",
        people.EMAIL: "Your address is about to change",
    }
    token = text(mails[OTHER]).split("/verify/")[1].split()[0]
    assert confirm(app, token) == (204, "")
    assert session.me().json["email"] == OTHER
    assert (login(app, people.PASSWORD), login(app, people.PASSWORD, OTHER)) == (401, 200)
    undo = f"/undo/{mailbox.token('undo', people.EMAIL)}"
    http = app.test_client()
    page = http.get(undo)
    assert session.me().json["email"] == OTHER
    reply = http.post(undo, data={"csrf_token": csrf_token(page)})
    assert reply.headers["Location"].startswith("/reset/")
    assert session.me().status_code == 401
    assert "email_change_undone" in ended_because(app)
    assert reset(app, reply.headers["Location"].removeprefix("/reset/")) == (204, "")
    assert login(app, NEW_PASSWORD) == 200
    dead = http.get(undo)
    assert (dead.status_code, "an administrator of this site can help" in dead.text) == (400, True)
    assert ("new link" in dead.text, "/forgot" in dead.text) == (False, False), "neither brings the address back"


def test_an_address_that_was_never_proved_is_not_told_and_undoes_nothing(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """P08: it may be a stranger's, mistyped at the sign-up."""
    with app.app_context():
        db.session.get_one(User, user_id).email_verified = False
        db.session.commit()
    session = people.sign_in(app.test_client())
    assert ask_to_move(session)[0] == 202
    assert confirm(app, mailbox.token("verify", OTHER)) == (204, "")
    assert (session.me().json["email"], session.me().json["email_verified"]) == (OTHER, True)
    assert mailbox.to(people.EMAIL) == []


def test_an_account_that_was_deactivated_is_not_given_back_by_a_link(
    app: Flask, mailbox: Mailbox, user_id: int
) -> None:
    """Z05; the link opens it again once the account is active."""
    ask_to_move(people.sign_in(app.test_client()))
    confirm(app, mailbox.token("verify", OTHER))
    undo = f"/undo/{mailbox.token('undo', people.EMAIL)}"
    http = app.test_client()
    token = csrf_token(http.get(undo))
    for is_active, status in ((False, 400), (True, 303)):
        with app.app_context():
            db.session.get_one(User, user_id).is_active = is_active
            db.session.commit()
        assert http.get(undo).status_code == (200 if is_active else 400)
        assert http.post(undo, data={"csrf_token": token}).status_code == status


def test_a_taken_address_is_answered_as_a_free_one_and_its_owner_is_told(app: Flask, mailbox: Mailbox) -> None:
    """A03, P08."""
    people.create_user(app, OTHER)
    session = people.sign_in(app.test_client())
    assert ask_to_move(session) == ask_to_move(session, "free@example.com")
    subjects = {(str(mail["To"]), str(mail["Subject"])) for mail in mailbox.deliver()}
    assert (OTHER, "Your address was named") in subjects
    assert (OTHER, "Confirm your new address") not in subjects


def test_an_address_that_was_taken_meanwhile_is_a_conflict(app: Flask, mailbox: Mailbox) -> None:
    """P08: looked at again when the link is used."""
    session = people.sign_in(app.test_client())
    ask_to_move(session)
    token = mailbox.token("verify", OTHER)
    people.create_user(app, OTHER.upper())
    assert confirm(app, token) == (409, "address_taken")
    assert session.me().json["email"] == people.EMAIL


def test_who_asks_once_more_than_there_are_mails_a_day_keeps_the_last_link(app: Flask, mailbox: Mailbox) -> None:
    """P07, P08: in whatever case the address is written."""
    session = people.sign_in(app.test_client())
    for _ in range(5):
        assert ask_to_move(session)[0] == 202
        token = mailbox.token("verify", OTHER)
    assert ask_to_move(session, OTHER.upper())[0] == 202
    assert [mail["To"] for mail in mailbox.deliver()] == [people.EMAIL]
    assert confirm(app, token) == (204, "")


def test_who_asks_for_another_address_keeps_no_link_to_the_first_though_there_are_no_more_mails(
    app: Flask, mailbox: Mailbox
) -> None:
    """P07, P08: it may have been mistyped."""
    session = people.sign_in(app.test_client())
    for email in [OTHER] * 5 + ["mistyped@example.com"]:
        assert ask_to_move(session, email)[0] == 202
    token = mailbox.token("verify", "mistyped@example.com")
    assert ask_to_move(session)[0] == 202
    assert confirm(app, token) == (400, "invalid_link")


def test_mails_that_wait_are_not_lost_by_asking_again(app: Flask, mailbox: Mailbox) -> None:
    """P07, P08: however often, while the mail server is away."""
    session = people.sign_in(app.test_client())
    for _ in range(6):
        assert ask_to_move(session)[0] == 202
    assert confirm(app, mailbox.token("verify", OTHER)) == (204, "")


@pytest.mark.parametrize("is_active", [True, False])
def test_an_account_that_makes_room_leaves_word_of_its_end_in_the_log(
    app: Flask, mailbox: Mailbox, user_id: int, is_active: bool
) -> None:
    """P08, Z09: who was deactivated is not forgotten by having somebody else prove the address."""
    ask_to_move(people.sign_in(app.test_client()))
    unproved = people.create_user(app, OTHER, is_verified=False)
    change(app, unproved, is_active=is_active)
    confirm(app, mailbox.token("verify", OTHER))
    assert [user.email for user in people.users(app)] == [OTHER]
    (deleted,) = events(app, "account_deleted")
    assert (deleted.user_id, deleted.actor_id, deleted.ip) == (unproved, user_id, "127.0.0.1")
    was = {} if is_active else {"was_deactivated": True}
    assert deleted.detail == {"reason": "address_proved_by_another", **was}


def test_links_to_the_old_address_open_nothing_after_the_change(app: Flask, mailbox: Mailbox) -> None:
    """P02, P09."""
    session = people.sign_in(app.test_client())
    forgot(app)
    old_link = mailbox.token("reset")
    ask_to_move(session)
    confirm(app, mailbox.token("verify", OTHER))
    assert reset(app, old_link) == (400, "invalid_link")


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"password": "wrong"}, "password"), ({"email": people.EMAIL}, "email"), ({"email": "nonsense"}, "email"),
     ({"email": "josé@example.com"}, "email")],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused_with_its_field(
    app: Flask, mailbox: Mailbox, fields: dict[str, str], field: str
) -> None:
    """P08: the password too."""
    status, answer = ask_to_move(people.sign_in(app.test_client()), **fields)
    assert isinstance(answer, dict)
    assert (status, list(answer["errors"])) == (422, [field])
    assert mailbox.deliver() == []


@pytest.mark.parametrize(("way_out", "status"), [("DELETE /api/sessions", 400), ("POST /api/logout", 204)])
def test_who_was_put_out_moves_the_account_nowhere(app: Flask, mailbox: Mailbox, way_out: str, status: int) -> None:
    """P08: the link of a change that a session asked for opens nothing once that was ended from elsewhere."""
    mine, thief = (people.sign_in(app.test_client()) for _ in range(2))
    assert ask_to_move(thief)[0] == 202
    token = mailbox.token("verify", OTHER)
    who = mine if way_out == "DELETE /api/sessions" else thief
    method, path = way_out.split()
    assert who.http.open(path, method=method, headers=who.bearer).status_code == 204
    assert thief.me().status_code == 401
    assert confirm(app, token)[0] == status
