"""Known devices: a signed cookie that says which accounts were signed in to from this browser, and when.

It opens nothing. It passes the throttle that strangers have filled, and it spares its owner the mail about a new
device. Each device fails on its own account: the nonce is its name in the audit log."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from webapp.config import Settings

LIFETIME: Final = timedelta(days=180)
MOST_ACCOUNTS: Final = 10


class KnownDevice(NamedTuple):
    """What the cookie says: the device's nonce, and for each user id when it was last signed in to (seconds)."""

    nonce: str
    accounts: dict[str, int]

    def knows(self, user_id: int, *, created_at: datetime, forgotten_at: datetime | None, now: datetime) -> bool:
        """Whether this device signed in to the account within LIFETIME, and since the account forgot its devices.

        Nor was it before there was this account: after a restore another one may have the number."""
        since = max(now - LIFETIME, forgotten_at or datetime.min.replace(tzinfo=UTC))
        signed_in_at = self.accounts.get(str(user_id), 0)
        # The cookie says whole seconds: the account may have been made in the same one.
        return signed_in_at > since.timestamp() and signed_in_at >= int(created_at.timestamp())


NOBODY: Final = KnownDevice("", {})


def read(settings: Settings, cookie: str | None) -> KnownDevice:
    """Return what the cookie says, or a device that knows nobody if it says nothing that we have signed."""
    if cookie is None:
        return NOBODY
    try:
        values: dict[str, Any] = _serializer(settings).loads(cookie)
        return KnownDevice(values["n"], values["u"])
    except BadData:
        return NOBODY


def write(settings: Settings, device: KnownDevice, *, user_id: int, now: datetime) -> str:
    """Return the cookie of a device on which the user has just signed in; it keeps the ten latest accounts."""
    accounts = {**device.accounts, str(user_id): int(now.timestamp())}
    latest = sorted(accounts.items(), key=lambda item: item[1])[-MOST_ACCOUNTS:]
    nonce = device.nonce or secrets.token_urlsafe(12)
    return str(_serializer(settings).dumps({"n": nonce, "u": dict(latest)}))


def first_after(forgotten_at: datetime) -> datetime:
    """Return the first instant whose cookie is surely known to an account that forgot its devices then: cookies say
    whole seconds, and those of the same second may be from before."""
    return forgotten_at + timedelta(seconds=1)


def _serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secrets[::-1], salt="known device")  # the last key signs
