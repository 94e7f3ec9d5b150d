"""Method 1, by the test client: an access token near its end, and what a call with it answers."""

from typing import Any

from flask.testing import FlaskClient

from tests.support import forge
from tests.support.steps import DAY, HOUR, START, bearer

NOW = int(START.timestamp())
HEADER = "X-New-Token"


def near_end(token: str, remaining: int = HOUR, **claims: Any) -> str:
    """Return the access token as it is when `remaining` seconds of its life are left."""
    return forge.forge(token, iat=NOW + remaining - DAY, nbf=NOW + remaining - DAY, exp=NOW + remaining, **claims)


def renewed(http: FlaskClient, token: str) -> str | None:
    """Return the new token that comes with the answer to a call with this one, if one does."""
    reply = http.get("/api/me", headers=bearer(token))
    assert reply.status_code == 200
    return reply.headers.get(HEADER)
