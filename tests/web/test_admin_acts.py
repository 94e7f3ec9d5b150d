"""What each act of the administrators' desk does, and leaves written down."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from tests.support import forge, people
from tests.support.desk import (
    ADMIN,
    TOO_LATE,
    admin_id,
    all_events,
    change,
    end,
    fitting,
    perform,
    the_event,
    unfitting,
    user,
)
from tests.support.steps import START, alert, csrf_token, events, is_signed_in, refresh, sign_in_by_form
from tests.support.ways_in import add_passkey
from webapp.database import db
from webapp.models import OutboxMail, Passkey, RecoveryCode, User
from webapp.web.admin_acts import ACTS

pytestmark = pytest.mark.usefixtures("clock")


def test_a_stolen_session_ends_in_two_clicks_and_its_next_request_fails(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """V06, Z09."""
    owner, thief = (people.sign_in(app.test_client()) for _ in range(2))
    sid = forge.read(thief.access)["sid"]
    page = desk.get(f"/admin/users/{user_id}")
    assert page.text.count('name="sid"') == 2
    reply = end(desk, sid, next=f"/admin/users/{user_id}")
    assert (reply.status_code, reply.location) == (303, f"/admin/users/{user_id}")
    assert "Ended 1 session." in desk.get(reply.location).text
    assert (thief.me().status_code, owner.me().status_code) == (401, 200)
    event = the_event(app, "session_revoked")
    assert (event.user_id, event.actor_id, event.session_id) == (user_id, admin_id(app), sid)
    assert (event.ip, len(event.request_id), event.at) == ("127.0.0.1", 16, START)
    assert event.detail == {"reason": "ended_by_operator"}


def test_ticked_sessions_end_at_once_and_others_stay(app: Flask, desk: FlaskClient, user_id: int) -> None:
    people.create_user(app, "other@test.com")
    ended = [people.sign_in(app.test_client(), email=email) for email in (people.EMAIL, "other@test.com")]
    stays = people.sign_in(app.test_client())
    reply = end(desk, *(forge.read(session.access)["sid"] for session in ended), "A" * 22, next="//evil.example")
    assert reply.location == "/admin/sessions"
    assert "Ended 2 sessions." in desk.get("/admin/sessions").text
    assert [session.me().status_code for session in (*ended, stays)] == [401, 401, 200]
    assert "No session was ticked." in desk.get(end(desk).location).text


def test_what_cannot_be_an_id_ends_nothing_and_is_no_error(desk: FlaskClient) -> None:
    """I05: PostgreSQL takes no NUL."""
    reply = end(desk, "a\0b", "x" * 10_000, "\u202e")
    assert (reply.status_code, "That had ended already." in desk.get(reply.location).text) == (303, True)


def test_ending_all_sessions_leaves_the_password(app: Flask, desk: FlaskClient, user_id: int) -> None:
    sessions = [people.sign_in(app.test_client()) for _ in range(3)]
    assert perform(desk, user_id, "end-sessions").location == f"/admin/users/{user_id}"
    assert [session.me().status_code for session in sessions] == [401] * 3
    assert {event.actor_id for event in events(app, "session_revoked")} == {admin_id(app)}
    people.sign_in(app.test_client())


def test_who_is_deactivated_is_out_at_once_and_stays_out_until_activated(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """V06."""
    browser, program = app.test_client(), people.sign_in(app.test_client())
    sign_in_by_form(browser)
    assert perform(desk, user_id, "deactivate").status_code == 303
    assert (program.me().status_code, is_signed_in(browser)) == (401, False)
    assert refresh(program.http, program.refresh or "").status_code == 401
    assert sign_in_by_form(app.test_client()).status_code == 422
    assert "Deactivated" in desk.get(f"/admin/users/{user_id}").text
    assert perform(desk, user_id, "activate").status_code == 303
    people.sign_in(app.test_client())
    assert program.me().status_code == 401
    for kind in ("user_deactivated", "user_activated"):
        event = the_event(app, kind)
        assert (event.user_id, event.actor_id, event.detail) == (user_id, admin_id(app), {})


def test_a_reset_is_started_and_the_administrator_never_sees_its_link(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    """Z06."""
    reply = perform(desk, user_id, "reset-password")
    with app.app_context():
        mails = db.session.scalars(select(OutboxMail)).all()
    assert [(mail.kind, mail.user_id) for mail in mails] == [("reset_password", user_id)]
    assert "/reset/" not in desk.get(reply.location).text
    event = the_event(app, "reset_requested")
    assert (event.user_id, event.actor_id, event.account_key) == (user_id, admin_id(app), None)


def test_the_second_factor_is_removed_with_all_that_stands_in_for_it(
    app: Flask, desk: FlaskClient, user_id: int
) -> None:
    with app.app_context():
        john = db.session.get_one(User, user_id)
        john.totp_seed, john.totp_enabled_at = "sealed", START
        row = {"credential_id": "x", "public_key": b"", "sign_count": 0, "created_at": START}
        db.session.add_all([Passkey(user_id=user_id, name="Key", **row), RecoveryCode(user_id=user_id, code_hash="x")])
        db.session.commit()
    perform(desk, user_id, "remove-second-factor")
    with app.app_context():
        assert [db.session.scalars(select(model)).all() for model in (Passkey, RecoveryCode)] == [[], []]
    assert user(app, user_id).totp_enabled_at is None
    assert [the_event(app, kind).actor_id for kind in ("totp_disabled", "passkey_removed")] == [admin_id(app)] * 2


def test_removing_a_second_factor_is_offered_where_there_is_one(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """A passkey counts: the act takes both."""
    link = f'href="/admin/users/{user_id}/remove-second-factor"'
    assert link not in desk.get(f"/admin/users/{user_id}").text
    add_passkey(app, user_id, "Key")
    assert link in desk.get(f"/admin/users/{user_id}").text
    with app.app_context():
        db.session.execute(delete(Passkey))
        db.session.execute(update(User).where(User.id == user_id).values(totp_enabled_at=START))
        db.session.commit()
    assert link in desk.get(f"/admin/users/{user_id}").text


def test_new_devices_are_let_in_again(app: Flask, desk: FlaskClient, user_id: int) -> None:
    """A14."""
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(failed_sign_ins=100))
        db.session.commit()
    assert "Let new devices in" in desk.get(f"/admin/users/{user_id}").text
    perform(desk, user_id, "unlock")
    assert user(app, user_id).failed_sign_ins == 0
    assert "Let new devices in" not in desk.get(f"/admin/users/{user_id}").text
    assert the_event(app, "user_unlocked").actor_id == admin_id(app)


@pytest.mark.parametrize("act", [name for name, act in ACTS.items() if act.is_typed])
def test_grave_acts_have_to_be_confirmed_by_the_address(app: Flask, desk: FlaskClient, user_id: int, act: str) -> None:
    change(app, user_id, **fitting(act))
    for typed in ("", ADMIN, "test@test"):
        reply = perform(desk, user_id, act, typed)
        assert (reply.status_code, "Type the address exactly" in alert(reply)) == (422, True)
    john = user(app, user_id)
    assert {name: getattr(john, name) for name in fitting(act)} == fitting(act)


@pytest.mark.parametrize("typed", ["a@bücher.de", "A@BÜCHER.de", "a@xn--bcher-kva.de"])
def test_an_international_address_confirms_in_whatever_form_it_is_sent(
    app: Flask, desk: FlaskClient, typed: str
) -> None:
    """Browsers make xn-- of what is typed where an address is asked for."""
    user_id = people.create_user(app, "a@bücher.de")
    assert perform(desk, user_id, "deactivate", typed).status_code == 303
    assert not user(app, user_id).is_active


@pytest.mark.parametrize("act", ACTS)
def test_an_act_that_no_longer_fits_is_not_done_and_said_to_be_too_late(
    app: Flask, desk: FlaskClient, user_id: int, act: str
) -> None:
    """Z09: nor is it written down."""
    path = f"/admin/users/{user_id}/{act}"
    change(app, user_id, **fitting(act))
    form = {"csrf_token": csrf_token(desk.get(path)), "address": people.EMAIL}
    change(app, user_id, **unfitting(act))
    count = len(all_events(app))
    for method in ("GET", "POST"):
        reply = desk.open(path, method=method, data=form if method == "POST" else None)
        assert (reply.status_code, reply.location) == (303, f"/admin/users/{user_id}")
        assert TOO_LATE in desk.get(reply.location).text
    john = user(app, user_id)
    assert {name: getattr(john, name) for name in unfitting(act)} == unfitting(act)
    with app.app_context():
        assert db.session.scalars(select(OutboxMail)).all() == []
    assert len(all_events(app)) == count


def test_what_is_no_act_and_no_user_is_not_found(desk: FlaskClient, user_id: int) -> None:
    """I11, Z03."""
    token = csrf_token(desk.get("/admin/sessions"))
    for path in (f"{user_id}/become", f"{user_id}/__class__", "999/demote"):
        assert desk.get(f"/admin/users/{path}").status_code == 404
        assert desk.post(f"/admin/users/{path}", data={"csrf_token": token}).status_code == 404
    for number in ("0", "-1", "999", "me", 2**31, 2**63, "9" * 500, "%00"):
        assert desk.get(f"/admin/users/{number}").status_code == 404, number
