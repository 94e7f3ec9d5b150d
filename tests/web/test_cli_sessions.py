"""`flask sessions`: which sessions are listed, ended and purged by an operator."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, true
from sqlalchemy.orm import Session

from tests.support import people
from tests.support.command_line import refused, run
from tests.support.sessions import reasons, sid
from tests.support.steps import DAY, START, events, me, refresh
from webapp import one_time_tokens, revocation, stats
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession, OutboxMail
from webapp.one_time_tokens import Purpose

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def clients(app: Flask) -> list[people.SignedIn]:
    """John on two devices and somebody else on one."""
    people.create_user(app)
    people.create_user(app, "other@test.com")
    emails = (people.EMAIL, people.EMAIL, "other@test.com")
    return [people.sign_in(app.test_client(), email=email) for email in emails]


def test_live_sessions_are_listed_all_or_a_users(app: Flask, clients: list[people.SignedIn]) -> None:
    clients[0].http.post("/api/logout", headers=clients[0].bearer)
    output = run(app, "sessions", "list").output
    assert [sid(client) in output for client in clients] == [False, True, True]
    output = run(app, "sessions", "list", "--user", "TEST@TEST.com").output
    assert [sid(client) in output for client in clients] == [False, True, False]
    assert people.EMAIL in output
    assert "127.0.0.1" in output
    assert "nobody@test.com" in refused(app, "sessions", "list", "--user", "nobody@test.com")


def test_expired_sessions_are_not_listed(
    app: Flask, clients: list[people.SignedIn], clock: time_machine.Traveller
) -> None:
    clock.shift(30 * DAY)
    assert run(app, "sessions", "list").output == ""


def test_many_sessions_are_ended_a_few_at_a_time(app: Flask, clients: list[people.SignedIn]) -> None:
    """O04: a million at once would take longer than a statement may, and everybody else would wait."""
    ended_so_far: list[int | None] = []

    def note(session: Session) -> None:
        ended = session.scalar(select(func.count()).where(AuthSession.revoked_at.is_not(None)))
        ended_so_far.append(ended)

    with app.app_context():
        event.listen(db.session, "before_commit", note)
        try:
            count = revocation.end_by_operator(db.session, true(), client=COMMAND_LINE, now=utc_now(), batch=2)
        finally:
            event.remove(db.session, "before_commit", note)
    assert (count, ended_so_far) == (3, [2, 3])


@pytest.mark.parametrize(
    ("which", "ended"), [("one", [1, 0, 0]), ("user", [1, 1, 0]), ("all", [1, 1, 1])], ids=["one", "user", "all"]
)
def test_an_operator_ends_one_session_a_users_or_all(
    app: Flask, clients: list[people.SignedIn], which: str, ended: list[int]
) -> None:
    """V06, O04: out with the next request, and written down."""
    arguments = {"one": [sid(clients[0])], "user": ["--user", people.EMAIL], "all": ["--all"]}[which]
    result = run(app, "sessions", "revoke", *arguments)
    count = sum(ended)
    assert (result.exit_code, result.output) == (0, f"Ended {count} session{'' if count == 1 else 's'}.\n")
    assert [me(client.http, client.access) for client in clients] == [401 if gone else 200 for gone in ended]
    assert sorted(filter(None, reasons(app).values())) == ["ended_by_operator"] * count
    written = events(app, "session_revoked")
    assert [(event.actor_id, event.detail["reason"]) for event in written] == [(None, "ended_by_operator")] * count


@pytest.mark.parametrize("looks_like_an_option", ["-1", "-h", "--", "--a"])
def test_a_session_is_ended_whatever_its_id_begins_with(
    app: Flask, http: FlaskClient, user_id: int, monkeypatch: pytest.MonkeyPatch, looks_like_an_option: str
) -> None:
    monkeypatch.setattr("webapp.sessions._new_id", lambda: looks_like_an_option.ljust(22, "x"))
    client = people.sign_in(http)
    assert run(app, "sessions", "revoke", sid(client)).output == "Ended 1 session.\n"
    assert me(http, client.access) == 401


def test_no_new_session_has_an_id_that_looks_like_an_option(
    app: Flask, http: FlaskClient, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(["-1".ljust(22, "x"), "--all".ljust(22, "x"), "a-1".ljust(22, "x")])
    monkeypatch.setattr("webapp.sessions.secrets.token_urlsafe", lambda _: next(ids))
    client = people.sign_in(http)
    assert sid(client).startswith("a-1")


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--all"], ["--user", people.EMAIL, "--all"], ["--user", "no@test.com"]]
)
def test_an_order_that_is_not_clear_ends_nothing(
    app: Flask, clients: list[people.SignedIn], arguments: list[str]
) -> None:
    refused(app, "sessions", "revoke", *arguments)
    assert set(reasons(app).values()) == {None}


def test_a_session_that_is_none_is_told_by_the_exit_status(app: Flask, clients: list[people.SignedIn]) -> None:
    assert "no live session" in refused(app, "sessions", "revoke", "A" * 22)
    run(app, "sessions", "revoke", sid(clients[0]))
    assert "no live session" in refused(app, "sessions", "revoke", sid(clients[0]))


def test_a_purge_tells_how_many_it_deleted_and_keeps_what_is_not_over(
    app: Flask, clients: list[people.SignedIn], clock: time_machine.Traveller
) -> None:
    """R14."""
    assert refresh(clients[0].http, clients[0].refresh or "").status_code == 200
    clock.shift(1)
    run(app, "sessions", "revoke", "--all")
    with app.app_context():
        one_time_tokens.issue(db.session, Purpose.PASSKEY_SIGN_IN, user_id=None, now=START)
        db.session.add(OutboxMail(kind="password_changed", failed_at=START, created_at=START, next_attempt_at=START))
        db.session.commit()
    nothing = "Deleted 0 expired sessions.\nDeleted 0 expired one-time tokens.\nDeleted 0 old refreshes.\n"
    nothing += "Deleted 0 mails that could not be sent.\n"
    assert run(app, "sessions", "purge").output == nothing
    clock.shift(30 * DAY)
    gone = "Deleted 3 expired sessions.\nDeleted 1 expired one-time tokens.\nDeleted 1 old refreshes.\n"
    gone += "Deleted 1 mails that could not be sent.\n"
    assert run(app, "sessions", "purge").output == gone
    assert reasons(app) == {}


@pytest.mark.parametrize(("session_days", "kept_days"), [(7, 14), (30, 30)])
def test_refreshes_are_kept_for_the_longest_session_and_the_dashboards_chart(
    make_app: Callable[..., Flask], clock: time_machine.Traveller, session_days: int, kept_days: int
) -> None:
    app = make_app(refresh_token_expire_days=7, session_max_days=session_days)
    people.create_user(app)
    client = people.sign_in(app.test_client())
    assert refresh(client.http, client.refresh or "").status_code == 200
    clock.shift((stats.DAYS - 1) * DAY)
    assert "Deleted 0 old refreshes." in run(app, "sessions", "purge").output
    with app.app_context():
        assert [series.counts[0] for series in stats.refreshes_by_day(db.session, now=utc_now()).series] == [0, 1]
    clock.shift((kept_days - stats.DAYS + 1) * DAY)
    assert "Deleted 0 old refreshes." in run(app, "sessions", "purge").output
    clock.shift(1)
    assert "Deleted 1 old refreshes." in run(app, "sessions", "purge").output
