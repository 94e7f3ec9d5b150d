"""What /metrics tells of refreshes: each one by its method, refused ones not, and old tokens that come back."""

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.scraping import Watch
from tests.support.steps import DAY, HOUR, refresh, successor
from webapp import session_notes
from webapp.clock import utc_now
from webapp.database import db


def test_each_refresh_is_counted_though_only_one_a_minute_is_written_down(app: Flask, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    watch, token = Watch(app), session.refresh or ""
    for _ in range(3):
        token = successor(refresh(session.http, token))
    assert watch.risen("refreshes_total") == {'{method="manual"}': 3}
    with time_machine.travel(utc_now().timestamp() + DAY - HOUR, tick=False):
        assert ["X-New-Token" in session.me().headers for _ in range(2)] == [True, True]
        session.http.head("/api/me", headers=session.bearer)
        assert watch.risen("refreshes_total") == {'{method="manual"}': 3, '{method="silent"}': 2}


def test_a_refused_refresh_is_none(app: Flask, watch: Watch) -> None:
    session = people.sign_in(app.test_client())
    refresh(session.http, "x")
    session.http.post("/api/logout", headers=session.bearer)
    assert refresh(session.http, session.refresh or "").status_code == 401
    assert watch.risen("refreshes_total") == watch.risen("refresh_reuse_total") == {}


def test_a_refresh_that_cannot_be_written_down_is_counted(
    app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = people.sign_in(app.test_client())
    monkeypatch.setattr(session_notes, "SessionRefresh", lambda **_: pytest.fail("not within a minute"))
    with app.app_context():
        db.session.execute(db.update(session_notes.AuthSession).values(refreshed_at=utc_now()))
        db.session.commit()
    assert refresh(session.http, session.refresh or "").status_code == 200
    assert watch.risen("refreshes_total") == {'{method="manual"}': 1}


def test_a_superseded_token_that_comes_back_is_counted_each_time(app: Flask, user_id: int) -> None:
    session = people.sign_in(app.test_client())
    first = session.refresh or ""
    second = successor(refresh(session.http, first))
    refresh(session.http, second)
    watch = Watch(app)
    with time_machine.travel(utc_now().timestamp() + 60, tick=False):
        assert [refresh(session.http, first).status_code for _ in range(2)] == [401, 401]
        assert refresh(session.http, second).status_code == 401
    assert watch.risen("refresh_reuse_total") == {"": 2}
    assert watch.risen("refreshes_total") == {}
