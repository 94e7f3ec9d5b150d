"""Accounts: is there an administrator, how well guarded, do published passwords open one, do the seeds open."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sqlalchemy import exists, select

from webapp import accounts, demo, passwords, seeds
from webapp.administrators import IS_ADMINISTRATOR
from webapp.config import Settings
from webapp.database import DbSession
from webapp.doctor.findings import Finding, wrong
from webapp.models import Passkey, User
from webapp.sealing import SealBroken, unseal

MOST_NAMES: Final = 3


def examine(db: DbSession, settings: Settings) -> Iterator[Finding]:
    yield from _examine_administrators(db)
    if not settings.is_development:
        yield from _examine_demo_users(db)
    yield from _examine_seeds(db, settings)


def _examine_administrators(db: DbSession) -> Iterator[Finding]:
    has_passkey = exists().where(Passkey.user_id == User.id)
    found = db.execute(
        select(User.email, User.email_verified, User.totp_enabled_at, has_passkey)
        .where(IS_ADMINISTRATOR, User.is_active)
        .order_by(User.id)
    ).all()
    if not found:
        message = "there is none: run flask --app wsgi users create EMAIL --admin --verified"
        yield wrong("administrator-none", message)
    unverified = [email for email, is_verified, _, _ in found if not is_verified]
    if unverified:
        message = f"{_names(unverified)} never confirmed the address, to which a new password is sent"
        yield wrong("administrator-unverified", f"{message}: sign in and have the link mailed, or demote EMAIL")
    weak = [email for email, _, since, passkey in found if since is None and not passkey]
    if weak:
        message = f"a password alone lets in as {_names(weak)}"
        yield wrong("administrator-one-factor", f"{message}: add a code or a passkey under /account/security")


def _examine_demo_users(db: DbSession) -> Iterator[Finding]:
    found = []
    for user in demo.USERS:
        row = accounts.find_user(db, str(user["email"]))
        if row and row.is_active and passwords.verify_password(row.password_hash, str(user["password"])):
            found.append(row.email)
    if found:
        message = f"the passwords of {_names(found)} are published in the documentation"
        yield wrong("demo-users", f"{message}: run flask --app wsgi users deactivate {found[0]} (and so on)")


def _examine_seeds(db: DbSession, settings: Settings) -> Iterator[Finding]:
    shut, is_one_before = [], False
    # All of them, since those that no key opens may have been sealed at any time: a second for 30,000.
    for user_id, seed in seeds.sealed_before(db, settings):
        is_one_before = True
        if not _opens(settings, seed):
            shut.append(user_id)
    if shut:
        some = select(User.email).where(User.id.in_(shut[:MOST_NAMES])).order_by(User.id)
        names = _names(list(db.scalars(some)), of=len(shut))
        message = f"SECRET_KEY does not open the seeds of {names}, whose codes are refused"
        remedy = "run SECRET_KEY_PREVIOUS=the-key-from-before flask --app wsgi keys reseal; where that key is lost, "
        remedy += "flask --app wsgi users remove-second-factor EMAIL for each, which removes passkeys as well"
        yield wrong("seeds-sealed", f"{message}: {remedy}")
    elif is_one_before:
        message = "seeds of second factors still need SECRET_KEY_PREVIOUS"
        yield wrong("seeds-sealed-before", f"{message}: run flask --app wsgi keys reseal before you take it away")


def _opens(settings: Settings, seed: str) -> bool:
    try:
        unseal(settings, seed)
    except SealBroken:
        return False
    return True


def _names(emails: list[str], *, of: int | None = None) -> str:
    """Return the first of the addresses, and how many more there are; `of` is how many in all, if not all are given."""
    more = (of or len(emails)) - MOST_NAMES
    return ", ".join(islice(emails, MOST_NAMES)) + (f" and {more} more" if more > 0 else "")
