"""A token that anybody but the server made, changed or kept too long opens nothing and changes nothing (T01 to T19)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import jwt
import pytest
import time_machine
from flask import Flask

from tests.support import people
from tests.support.databases import close_connections, fresh_database
from tests.support.doors import DOORS, ask, assert_401b, rows
from tests.support.forge import read
from tests.support.settings import make_settings
from tests.support.token_forgeries import FORGERIES, Live, sign
from webapp import create_app


class Victim(NamedTuple):
    """The application, and tokens of a user's sessions: one by body, one by cookie, one to be signed out."""

    app: Flask
    access: Live
    body: Live
    cookie: Live
    leaving: Live


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """One for the file, and on SQLite alone: what is refused here is refused before a database is asked."""
    url = fresh_database("sqlite", tmp_path_factory.mktemp("forgeries"))
    app = create_app(make_settings(database_url=url, session_max_days=60))
    people.create_user(app)
    body, cookie, leaving = (people.sign_in(app.test_client(), transport=name) for name in ("body", "cookie", "body"))
    texts = (body.access, body.refresh or "", cookie.refresh or "", leaving.access)
    yield Victim(app, *(Live(text, jwt.get_unverified_header(text), read(text)) for text in texts))
    with app.app_context():
        close_connections()


at_each_door = pytest.mark.parametrize(("kind", "request_with"), DOORS.values(), ids=DOORS)


@at_each_door
def test_a_token_signed_by_hand_is_as_good_as_a_minted_one(victim, kind, request_with) -> None:
    """Without this, the refusals below would show nothing but a bad forger."""
    live = getattr(victim, kind)
    assert ask(victim.app, request_with(sign(live.header, live.claims))).status_code in (200, 204)


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@at_each_door
def test_a_forged_token_is_refused_and_changes_nothing(victim, kind, request_with, forgery) -> None:
    """T01 to T12, T19, T20 as the id says; signing out takes tokens that are expired, or from before shorter lives."""
    if kind == "leaving" and forgery in (FORGERIES[name] for name in ("T08 expired", "T07 exp 18", "T07 exp 19")):
        assert ask(victim.app, request_with(forgery(victim.leaving))).status_code == 204
        return
    before = rows(victim.app)
    reply = ask(victim.app, request_with(forgery(getattr(victim, kind))))
    assert_401b(reply)
    # Its signature or its claims betray it: were it asked for at all, the row would not.
    assert reply.get_json()["code"] in ("invalid_token", "token_expired")
    assert rows(victim.app) == before


@at_each_door
def test_clocks_may_be_ten_seconds_behind_and_a_minute_ahead_and_not_more(victim, kind, request_with) -> None:
    """T08: valid in [iat - 60 s, exp + 10 s); signing out takes an expired token too."""
    live = getattr(victim, kind)
    start, end = live.claims["iat"], live.claims["exp"]
    for instant, is_valid in (
        (start - 60, True),
        (start - 60.5, False),
        (end + 9.5, True),
        (end + 10, kind == "leaving"),
    ):
        with time_machine.travel(datetime.fromtimestamp(instant, UTC), tick=False):
            reply = ask(victim.app, request_with(live.text))
        assert reply.status_code in (200, 204) if is_valid else assert_401b(reply) is None
