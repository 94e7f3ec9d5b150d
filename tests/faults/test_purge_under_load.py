"""`flask sessions purge` by two at once, while the server answers: only what is over goes, and it all goes (L15)."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, insert

from tests.faults.clients import Client, Reply, one_client
from tests.faults.servers import alarms, rows
from tests.faults.traffic import Habit, refreshes, traffic
from tests.support.live import LiveServer
from webapp.models import AuthSession, OneTimeToken, SessionRefresh

OVER, ENDED, LIVE = 4_000, 1500, 1500
PURGERS = 2
DAY, HOUR = timedelta(days=1), 3600
# What each line of the command tells, and the table it is about.
DELETED = {
    "expired sessions": ("auth_sessions", OVER),
    "expired one-time tokens": ("one_time_tokens", OVER // 4),
    "old refreshes": ("session_refreshes", OVER // 4),
}


@pytest.fixture
def filled(server: LiveServer) -> Iterator[LiveServer]:
    """The server with sessions past their absolute end, ended ones before it, live ones; tokens and refreshes alike."""
    now = datetime.now(UTC)
    sessions = [
        *[session(now - DAY * (1 + n % 90)) for n in range(OVER)],
        *[session(now + DAY, revoked_at=now - DAY) for _ in range(ENDED)],
        *[session(now + DAY) for _ in range(LIVE)],
    ]
    tokens = [one_time_token(now - DAY) for _ in range(OVER // 4)] + [one_time_token(now + DAY) for _ in range(LIVE)]
    refreshed = [refreshed_at(now - 400 * DAY) for _ in range(OVER // 4)] + [refreshed_at(now) for _ in range(LIVE)]
    engine = create_engine(server.settings["DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as connection:
        for model, values in ((AuthSession, sessions), (OneTimeToken, tokens), (SessionRefresh, refreshed)):
            connection.execute(insert(model), values)
    yield server
    for table, _ in DELETED.values():
        rows(server, f"DELETE FROM {table}")  # noqa: S608 - names of ours


def session(expires_at: datetime, **values: Any) -> dict[str, Any]:
    began = expires_at - 90 * DAY
    instants = ("confirmed_at", "created_at", "authenticated_at", "last_seen_at")
    return {
        "id": token_urlsafe(16), "user_id": 1, "transport": "body", "remember": True, "generation": 1,
        "refresh_expires_at": expires_at, "expires_at": expires_at, "revoked_at": None, "revoked_reason": None,
        "user_agent": "filled",
        **dict.fromkeys(instants, began), **values,
    }  # fmt: skip


def one_time_token(expires_at: datetime) -> dict[str, Any]:
    return {
        "digest": token_urlsafe(48), "purpose": "verify", "user_id": 1, "created_at": expires_at - DAY,
        "expires_at": expires_at,
    }  # fmt: skip


def refreshed_at(at: datetime) -> dict[str, Any]:
    return {"session_id": token_urlsafe(16), "at": at, "method": "manual", "generation": 2}


def ways_of_use(client: Client) -> list[Habit]:
    """Calls, refreshes, and sign-ins that write beside the purge."""
    calling, *refreshing = [client.sign_in("body") for _ in range(5)]

    def come_and_go(client: Client) -> Reply:
        session = client.sign_in("body")
        client.call("POST", "/api/logout", bearer=session.access)
        return client.me(session.access)

    return [
        *[Habit(lambda client: client.me(calling.access))] * 4,
        *[Habit(refreshes(session)) for session in refreshing],
        Habit(come_and_go, pause=0.1, statuses=(401,)),
    ]


def count(server: LiveServer, table: str) -> int:
    return int(rows(server, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - names of ours


def test_two_purgers_at_once_delete_each_row_that_is_over_once_and_no_other(filled: LiveServer) -> None:
    """L15, R14: afterwards a superseded token of an ended session is still known as such."""
    with one_client(filled) as client:
        gone = client.sign_in("body")
        newest = client.refresh("body", client.refresh("body", gone.refresh).successor or "")
        assert client.call("POST", "/api/logout", bearer=newest.access).status == 204
        with ThreadPoolExecutor(PURGERS) as purgers, traffic(filled, ways_of_use(client)) as going:
            going.wait_for(20)
            told = list(purgers.map(lambda _: filled.flask("sessions", "purge"), range(PURGERS)))
            going.wait_for(20)
        deleted = {what: [int(re.findall(rf"(\d+) {what}", text)[0]) for text in told] for what in DELETED}
        print(f"L15: {deleted} by {PURGERS} at once; {going.answered} requests answered, {going.failures.total()} not")
        assert not going.failures
        assert {what: sum(counts) for what, counts in deleted.items()} == {w: n for w, (_, n) in DELETED.items()}
        assert count(filled, "auth_sessions WHERE user_agent = 'filled'") == ENDED + LIVE
        assert count(filled, "one_time_tokens WHERE purpose = 'verify'") == LIVE  # a mail of a new device has one, too
        filled.move_clock(HOUR)
        assert client.refresh("body", gone.refresh).status == 401
        assert alarms(filled, gone.sid) == 1
