"""The account that somebody wants to sign in to, as its address names it: whether there is one, and whether it knows
their device."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import bindparam, select

from webapp.addresses import account_key, email_key, unknown_key
from webapp.committed_reads import CommittedRead
from webapp.database import table_of
from webapp.known_devices import KnownDevice
from webapp.models import User

_users: Final = table_of(User)
_COLUMNS: Final = ("id", "password_hash", "is_active", "failed_sign_ins", "devices_forgotten_at", "created_at")
_with_key: Final = CommittedRead(
    select(*(_users.c[name] for name in _COLUMNS)).where(_users.c.email_key == bindparam("key"))
)


class ClaimedAccount(NamedTuple):
    """What is to be known of the account that somebody wants to sign in to, or that there is none."""

    key: str
    counted_as: str | None  # nothing, for what is no address at all
    is_known: bool  # whether the device has signed in to it before, and since its devices were forgotten
    forgiven_at: datetime | None = None  # since when failures count
    user_id: int | None = None
    password_hash: str | None = None
    is_active: bool = False
    failures: int = 0  # in a row, from devices that it does not know


def find(email: str, device: KnownDevice, *, now: datetime) -> ClaimedAccount:
    """Return what a sign-in by that address, from that device, has to do with."""
    key = email_key(email)
    found = _with_key.first(key=key)
    if found is None:
        return ClaimedAccount(key, unknown_key(key), is_known=False)
    *account, forgotten_at, created_at = found
    is_known = device.knows(account[0], created_at=created_at, forgotten_at=forgotten_at, now=now)
    if is_known:
        counted_as = f"{key} on {device.nonce}"
    elif device.knows(account[0], created_at=created_at, forgotten_at=None, now=now):
        # The owner's, or of somebody who knew an earlier password: all together, but not with every stranger.
        counted_as = f"{key} on forgotten devices"
    else:
        counted_as = key
    # Devices are forgotten with the old password, and nobody who failed before has guessed at the new one; or by a
    # link that was mailed to the owner.
    return ClaimedAccount(key, account_key(counted_as), is_known, forgotten_at, *account)
