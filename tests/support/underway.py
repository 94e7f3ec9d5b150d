"""What somebody signed in can have under way while something takes their session, or their password, away."""

from collections.abc import Callable
from typing import Any

from tests.support import people
from tests.support.recovery import THIEF

Plan = Callable[[Callable[[], object]], None]
PASSWORD = {"password": people.PASSWORD}
DOORS: dict[str, dict[str, str]] = {
    "POST /api/me/email": {"email": THIEF, **PASSWORD},
    "POST /api/me/password": {"current_password": people.PASSWORD, "new_password": "eleven loud hedges"},
    "DELETE /api/me/totp": PASSWORD,
    "DELETE /api/me": PASSWORD,
}

UNASKED: dict[str, dict[str, Any]] = {
    "PATCH /api/me": {"first_name": "Jane"},
    "POST /api/passkeys/options": {},
    "POST /api/passkeys": {"credential": {}, "name": "Key"},
    "POST /api/me/totp": {},
    "POST /api/me/totp/confirm": {"code": "123456"},
    "POST /api/me/recovery-codes": {},
}


def call(session: people.SignedIn, door: str) -> Any:
    method, path = door.split()
    body = {**DOORS, **UNASKED}.get(door, PASSWORD)
    return session.http.open(path, method=method, json=body, headers=session.bearer)
