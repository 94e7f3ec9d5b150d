"""A session that is used twice at once: what happens between a read and a write (R05, R12), and on two clocks (R02)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from tests.support import forge, people
from tests.support.steps import DAY, assert_refused, me, refresh, successor
from webapp import sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuthSession, SessionRefresh
from webapp.session_notes import note_refresh
from webapp.session_state import SessionState

pytestmark = pytest.mark.usefixtures("clock")


# --- what happens between a read and a write -------------------------------------------------------------


@pytest.mark.parametrize("shows", ["refresh", "access"])
def test_a_session_that_is_ended_while_its_successor_is_being_confirmed_stays_ended(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch, shows: str
) -> None:
    """R12: the request has read a live row; the sign-out commits; then the confirmation is written."""
    second = refresh(signed_in.http, signed_in.refresh)
    find = sessions.find

    def find_and_end(*args: Any) -> SessionState:
        state = find(*args)
        monkeypatch.setattr(sessions, "find", find)
        assert app.test_client().post("/api/logout", headers=signed_in.bearer).status_code == 204
        return state

    monkeypatch.setattr(sessions, "find", find_and_end)
    if shows == "refresh":
        assert_refused(refresh(signed_in.http, successor(second)), "session_ended")
    else:
        assert me(signed_in.http, second.json["access_token"]) == 401
    with app.app_context():
        row = db.session.scalars(select(AuthSession)).one()
        assert (row.generation, row.revoked_reason) == (1, "signed_out")


def test_a_slower_confirmation_does_not_take_the_session_back(
    app: Flask, signed_in: people.SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R05: two requests prove different generations at once; the higher one stands."""
    second = refresh(signed_in.http, signed_in.refresh)
    third = refresh(signed_in.http, successor(second))
    with app.app_context():
        db.session.execute(update(AuthSession).values(generation=1))
        db.session.commit()
    find = sessions.find

    def find_and_overtake(*args: Any) -> SessionState:
        state = find(*args)
        monkeypatch.setattr(sessions, "find", find)
        assert me(app.test_client(), third.json["access_token"]) == 200
        return state

    monkeypatch.setattr(sessions, "find", find_and_overtake)
    assert me(signed_in.http, second.json["access_token"]) == 200
    with app.app_context():
        assert db.session.scalars(select(AuthSession.generation)).one() == 3


def test_of_two_refreshes_at_once_one_is_written_down_and_the_later_end_counts(
    app: Flask, signed_in: people.SignedIn, clock: time_machine.Traveller
) -> None:
    """V08: both have read the row before either wrote."""
    clock.shift(DAY)
    with app.app_context():
        session = sessions.find(forge.read(signed_in.access)["sid"], 1)
        until = session.refresh_expires_at - timedelta(days=1)
        for end in (None, until, until + timedelta(days=2), until):
            note_refresh(db.session, session, "manual", client=COMMAND_LINE, now=utc_now(), until=end)
        row = db.session.scalars(select(AuthSession)).one()
        assert row.refresh_expires_at == until + timedelta(days=2)
        assert len(db.session.scalars(select(SessionRefresh)).all()) == 1


# --- two clocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "code"), [(29, None), (30, "token_reused")])
@pytest.mark.parametrize(("host", "apart"), [("", 0), ("another", 60)])
def test_what_another_host_has_confirmed_may_be_presented_a_minute_longer(
    app: Flask,
    signed_in: people.SignedIn,
    clock: time_machine.Traveller,
    *,
    host: str,
    apart: int,
    late: int,
    code: str,
) -> None:
    """R02, L12: the leeway, and what two clocks may be apart; rows of before know of no host."""
    second = refresh(signed_in.http, signed_in.refresh)
    refresh(signed_in.http, successor(second))
    with app.app_context():
        db.session.execute(update(AuthSession).values(confirmed_on=host))
        db.session.commit()
    clock.shift(late + apart)
    assert refresh(signed_in.http, signed_in.refresh).json.get("code") == code
