"""What /metrics tells of how things stand: sessions, mails, the version, and whether there is a database."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.databases import close_connections, closed_postgresql, empty_sqlite, no_sqlite
from tests.support.scraping import Watch, scrape
from tests.support.services import POSTGRESQL, require_postgresql
from tests.support.settings import make_settings
from tests.support.steps import DAY
from webapp import create_app, mail
from webapp.clock import utc_now
from webapp.database import db
from webapp.outbox import MailKind, enqueue
from webapp.version import VERSION


def test_active_sessions_are_those_of_the_dashboard(app: Flask, watch: Watch) -> None:
    http = app.test_client()
    sessions = [people.sign_in(app.test_client()) for _ in range(3)]
    assert scrape(http)["evergreen_active_sessions"] == 3
    sessions[0].http.post("/api/logout", headers=sessions[0].bearer)
    assert scrape(http)["evergreen_active_sessions"] == 2
    with time_machine.travel(utc_now().timestamp() + 31 * DAY, tick=False):
        assert scrape(http)["evergreen_active_sessions"] == 0


def test_mails_that_wait_and_that_have_failed(app: Flask, user_id: int) -> None:
    with app.app_context():
        for _ in range(3):
            enqueue(db.session, MailKind.PASSWORD_CHANGED, user_id=user_id, now=utc_now())
        db.session.flush()
        db.session.execute(db.update(mail.OutboxMail).where(mail.OutboxMail.id == 1).values(failed_at=utc_now()))
        db.session.commit()
    shown = scrape(app.test_client())
    assert (shown["evergreen_mails_waiting"], shown["evergreen_mails_failed"]) == (2, 1)


def test_the_version_is_told(app: Flask) -> None:
    assert scrape(app.test_client())[f'evergreen_build_info{{version="{VERSION}"}}'] == 1


def foreign_postgresql(_: Path) -> str:
    require_postgresql()
    return f"{POSTGRESQL}/postgres"  # which has no tables of ours


@pytest.mark.parametrize("url", [closed_postgresql, foreign_postgresql, empty_sqlite, no_sqlite])
def test_without_a_database_the_rest_is_told(tmp_path: Path, url: Callable[[Path], str]) -> None:
    away = create_app(make_settings(database_url=url(tmp_path)))
    shown = scrape(away.test_client())
    assert shown["evergreen_database_up"] == 0
    assert not {name for name in shown if re.match("evergreen_(active|mails)", name)}
    assert f'evergreen_build_info{{version="{VERSION}"}}' in shown
    assert 'evergreen_refreshes_total{method="silent"}' in shown
    with away.app_context():
        close_connections()
