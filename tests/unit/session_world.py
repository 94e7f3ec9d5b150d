"""A world for the state machines: the application, a clock they move, sign-ins without the cost of a password."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import time_machine
from flask import Flask
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support import people
from webapp import sessions
from webapp.audit import COMMAND_LINE
from webapp.clock import utc_now
from webapp.database import db
from webapp.devices import is_active
from webapp.models import AuthSession
from webapp.web.context import settings

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400

# Short lives, each different, so that every edge is near.
LIVES = {
    "access_token_expire_minutes": 60,
    "auto_refresh_threshold_minutes": 20,
    "refresh_token_expire_days": 2,
    "session_max_days": 5,
    "refresh_token_leeway_seconds": 30,
    "refresh_token_rotate_hours": 6,
}
ACCESS_TTL, THRESHOLD, REFRESH_TTL, SESSION_MAX = 60 * MINUTE, 20 * MINUTE, 2 * DAY, 5 * DAY
LEEWAY, ROTATE_AFTER, SKEW = 30, 6 * HOUR, 10

# Each edge, and the second before and after it; the short ones come often, or everything is soon over.
MOMENTS = (1, 9, 10, 11, 28, 29, 30, 31)
SPELLS = (5 * MINUTE, 39 * MINUTE, 40 * MINUTE, 41 * MINUTE, 59 * MINUTE, HOUR, HOUR + 9, HOUR + 10, 6 * HOUR - 1)
AGES = (6 * HOUR, 23 * HOUR, DAY, 47 * HOUR, 2 * DAY + 9, 2 * DAY + 10, 5 * DAY - 1)


def waits() -> st.SearchStrategy[int]:
    """How long it is quiet: mostly moments, sometimes spells, seldom ages."""
    kinds = st.sampled_from([MOMENTS] * 6 + [SPELLS] * 3 + [AGES])
    return kinds.flatmap(st.sampled_from)


@dataclass
class World:
    """`now` is the clock of the server in whole seconds; requests carry exactly what they are told to."""

    app: Flask
    user_id: int

    def __post_init__(self) -> None:
        self._travel = time_machine.travel(START, tick=False)
        self._clock = self._travel.start()
        self._http = self.app.test_client(use_cookies=False)

    def close(self) -> None:
        self._travel.stop()

    @property
    def now(self) -> int:
        return int(utc_now().timestamp())

    def wait(self, seconds: int) -> None:
        self._clock.shift(seconds)

    def sign_in(self, transport: str) -> sessions.TokenPair:
        with self.app.app_context():
            return sessions.open_session(
                db.session, settings(), user_id=self.user_id, transport=transport, remember=True,
                client=COMMAND_LINE, now=utc_now(),
            )  # fmt: skip

    def me(self, access: str) -> TestResponse:
        return self._http.get("/api/me", headers={"Authorization": f"Bearer {access}"})

    def refresh(self, token: str, how: str) -> tuple[TestResponse, str | None]:
        """Present `token` as cookie, bearer or body; return the answer and the successor it holds."""
        request: dict[str, Any] = {}
        if how == "cookie":
            request["headers"] = {"Cookie": f"refresh_token={token}", "Sec-Fetch-Site": "same-origin"}
        elif how == "bearer":
            request["headers"] = {"Authorization": f"Bearer {token}"}
        else:
            request["json"] = {"refresh_token": token}
        reply = self._http.post("/api/refresh", **request)
        cookie = reply.headers.get("Set-Cookie", "").partition(";")[0].removeprefix("refresh_token=")
        return reply, cookie or (reply.json or {}).get("refresh_token")

    def sign_out(self, token: str) -> TestResponse:
        return self._http.post("/api/logout", headers={"Authorization": f"Bearer {token}"})

    def is_listed(self, sid: str) -> bool:
        """Whether lists call a session active."""
        with self.app.app_context():
            return bool(db.session.scalar(select(is_active(settings(), now=utc_now())).where(AuthSession.id == sid)))

    def row(self, sid: str) -> AuthSession:
        with self.app.app_context():
            return db.session.get_one(AuthSession, sid)


def make_world(app: Flask) -> World:
    """Return a world of its own user, so that examples do not meet."""
    with app.app_context():
        count = len(db.session.execute(db.text("SELECT id FROM users")).all())
    return World(app, people.create_user(app, f"user{count}@test.com"))
