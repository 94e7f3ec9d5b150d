"""How schemathesis signs in: as the demo user, or, once its calls have closed that account, as somebody new."""

import base64
import itertools
import os
from typing import Any
from urllib.parse import urlencode

import httpx
import schemathesis

_server = httpx.Client(base_url=os.environ["EVERGREEN_URL"], timeout=60)
_numbers = itertools.count(1)


class Keeper:
    """The account in use, and a token of a session of it that was live a moment ago."""

    email = "test@test.com"
    password = "Test123!"
    token = "none-yet"

    def live_token(self) -> str:
        while not self._is_live():
            body = {"email": self.email, "password": self.password}
            reply = _server.post("/api/login", json={**body, "transport": "body"})
            if reply.status_code == 200:
                self.token = reply.json()["access_token"]
            else:
                self._register()
        return self.token

    def _is_live(self) -> bool:
        reply = _server.get("/api/me", headers={"Authorization": f"Bearer {self.token}"})
        return reply.status_code == 200

    def _register(self) -> None:
        self.email = f"user{next(_numbers)}@example.com"
        self.password = "correct tree battery"
        _server.post("/api/register", json={"email": self.email, "password": self.password}).raise_for_status()


_keeper = Keeper()


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """Leave out what no request line has room for: gunicorn says 414 before anything of ours is asked."""
    return len(urlencode(query or {}, doseq=True)) < 4000


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, _case: schemathesis.Case, _context: schemathesis.AuthContext) -> str:
        return _keeper.live_token()

    def set(self, case: schemathesis.Case, token: str, _context: schemathesis.AuthContext) -> None:
        is_service = case.path == "/api/introspect"
        service = base64.b64encode(os.environ["EVERGREEN_SERVICE"].encode()).decode()
        case.headers["Authorization"] = f"Basic {service}" if is_service else f"Bearer {token}"
