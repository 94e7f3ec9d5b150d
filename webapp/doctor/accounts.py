"""Accounts: is there an administrator, how well guarded, do published passwords open one, do the seeds open."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sqlalchemy import exists, select

from webapp import accounts, demo, passwords, seeds
from webapp.config import Settings
from webapp.database import DbSession
from webapp.doctor.findings import Finding, wrong
from webapp.models import Passkey, User
from webapp.sealing import SealBroken, unseal

MOST_SEEDS: Final = 1000  # to open one takes 30 µs; those sealed first are the ones that a new key leaves behind
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
        .where(User.is_admin, User.is_active)
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
    sealed = db.execute(
        select(User.email, User.totp_seed).where(User.totp_seed.is_not(None)).order_by(User.id).limit(MOST_SEEDS)
    )
    shut = [email for email, seed in sealed if seed and not _opens(settings, seed)]
    if shut:
        message = f"SECRET_KEY does not open the seeds of {_names(shut)}, whose codes are refused"
        remedy = "run SECRET_KEY_PREVIOUS=the-key-from-before flask --app wsgi keys reseal; where that key is lost, "
        remedy += "flask --app wsgi users remove-second-factor EMAIL for each, which removes passkeys as well"
        yield wrong("seeds-sealed", f"{message}: {remedy}")
    elif len(settings.secrets) > 1 and any(seeds.sealed_before(db, settings)):
        message = "seeds of second factors still need SECRET_KEY_PREVIOUS"
        yield wrong("seeds-sealed-before", f"{message}: run flask --app wsgi keys reseal before you take it away")


def _opens(settings: Settings, seed: str) -> bool:
    try:
        unseal(settings, seed)
    except SealBroken:
        return False
    return True


def _names(emails: list[str]) -> str:
    more = len(emails) - MOST_NAMES
    return ", ".join(islice(emails, MOST_NAMES)) + (f" and {more} more" if more > 0 else "")
