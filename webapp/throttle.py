"""The throttle per account: how many failures the audit log holds within a window, over all workers and hosts.

Known devices count by themselves, so that strangers who fail cannot keep an owner out."""

import math
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Integer, bindparam, select

from webapp import audit
from webapp.database import DbSession, table_of
from webapp.errors import TooManyAttempts
from webapp.models import AuditEvent

MINUTES_5: Final = timedelta(minutes=5)
DAY: Final = timedelta(days=1)
Rules = tuple[tuple[int, timedelta], ...]  # so many failures within such a time

PASSWORD_RULES: Final[Rules] = ((10, MINUTES_5),)
CODE_RULES: Final[Rules] = ((5, MINUTES_5), (20, timedelta(hours=1)), (50, DAY))
# Mails that anybody can have sent to an address.
MAILS_A_DAY: Final = 5
# After so many failures in a row from new devices, the right password alone lets no new device in: the owner is mailed
# a link (NIST SP 800-63B-4 §3.2.2).
FAILURES_IN_A_ROW: Final = 100

_events: Final = table_of(AuditEvent)


_nth_latest: Final = (
    select(_events.c.at)
    .where(
        _events.c.account_key == bindparam("account_key"),
        _events.c.kind == bindparam("kind"),
        _events.c.at > bindparam("since"),
    )
    .order_by(_events.c.at.desc())
    .offset(bindparam("before_it", type_=Integer))
    .limit(1)
)


def check(
    db: DbSession,
    kind: audit.Kind,
    rules: Rules,
    *,
    account_key: str | None,
    since: datetime | None = None,
    now: datetime,
) -> None:
    """Raise TooManyAttempts, with the seconds until no rule refuses, if the account has failed too often, of late and
    after `since`. What has no key counts nowhere: it would count together for everybody."""
    if account_key is None:
        return
    free_at = now
    for most, window in rules:
        after = max(now - window, since or now - window)
        which = {"account_key": account_key, "kind": kind, "since": after, "before_it": most - 1}
        oldest = db.scalar(_nth_latest, which)
        if oldest is not None:
            free_at = max(free_at, oldest + window)
    if free_at > now:
        raise TooManyAttempts(retry_after=math.ceil((free_at - now).total_seconds()))


def mails_are_spent(
    db: DbSession, *kinds: audit.Kind, account_key: str | None, pause: timedelta, now: datetime
) -> bool:
    """Whether the address has been sent its mails of the day already, and the last one less than `pause` ago. What has
    no key is sent none."""
    if account_key is None:
        return False
    sent = db.scalars(
        select(AuditEvent.at)
        .where(
            AuditEvent.account_key == account_key,
            AuditEvent.kind.in_(kinds),
            AuditEvent.at > now - DAY,
        )
        .order_by(AuditEvent.at.desc())
        .limit(MAILS_A_DAY)
    ).all()
    return len(sent) == MAILS_A_DAY and sent[0] > now - pause
