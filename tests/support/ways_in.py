"""The ways into an account beside the password: passkeys, the second factor and its recovery codes."""

from flask import Flask
from sqlalchemy import select

from webapp.clock import utc_now
from webapp.database import db
from webapp.models import Passkey, RecoveryCode, User


def add_passkey(app: Flask, user_id: int, name: str) -> None:
    """Give a user a passkey that nothing signs in with."""
    with app.app_context():
        row = {"credential_id": name, "public_key": b"", "sign_count": 0, "created_at": utc_now()}
        db.session.add(Passkey(user_id=user_id, name=name, **row))
        db.session.commit()


def ways_in(app: Flask) -> tuple[bool, list[str], int]:
    """Return whether a second factor is on, the names of the passkeys, and how many recovery codes there are."""
    with app.app_context():
        names = list(db.session.scalars(select(Passkey.name).order_by(Passkey.id)))
        is_on = db.session.scalars(select(User.totp_enabled_at)).one() is not None
        return is_on, names, len(db.session.scalars(select(RecoveryCode.id)).all())
