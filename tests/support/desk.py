"""The administrators' desk: its addresses, what is done there, and what it leaves written down."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.steps import START, csrf_token, events, submit
from webapp.database import db
from webapp.models import AuditEvent, User
from webapp.web.admin_acts import ACTS

ADMIN = "admin@test.com"
LISTS = ("/admin/users", "/admin/sessions", "/admin/events")
TOO_LATE = "That has been done, or does not apply any more."
DOWNLOADS = tuple(f"{path}.csv" for path in LISTS)


def admin_id(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.email == ADMIN)).one()


def user(app: Flask, user_id: int) -> User:
    with app.app_context():
        return db.session.get_one(User, user_id)


def perform(desk: FlaskClient, user_id: int, act: str, address: str = people.EMAIL) -> TestResponse:
    return submit(desk, f"/admin/users/{user_id}/{act}", {"address": address} if ACTS[act].is_typed else {})


def end(desk: FlaskClient, *sids: str, **fields: str) -> TestResponse:
    token = csrf_token(desk.get("/admin/sessions"))
    return desk.post("/admin/sessions/end", data={"csrf_token": token, "sid": list(sids), **fields})


def found(page: TestResponse) -> list[str]:
    """Return the addresses in the rows of the list of users."""
    return re.findall(r'<a href="/admin/users/\d+">([^<]*)</a>\s*<br>', page.text)


def fitting(act: str) -> dict[str, Any]:
    """Return the columns of a user whom the act fits."""
    is_active, is_admin = act != "activate", act == "demote"
    return {"is_active": is_active, "is_admin": is_admin, "failed_sign_ins": 100, "totp_enabled_at": START}


def unfitting(act: str) -> dict[str, Any]:
    """Return the columns of a user with whom the act has been done, or whom it never was for."""
    is_active, is_admin = act == "activate", act == "promote"
    return {"is_active": is_active, "is_admin": is_admin, "failed_sign_ins": 0, "totp_enabled_at": None}


def change(app: Flask, user_id: int, **values: Any) -> None:
    """Change a user's row behind the product's back."""
    with app.app_context():
        db.session.execute(update(User).where(User.id == user_id).values(values))
        db.session.commit()


def the_event(app: Flask, kind: str) -> AuditEvent:
    return events(app, kind)[-1]


def all_events(app: Flask) -> list[str]:
    """Return the kinds of all events, the oldest first."""
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)))


def add_users(app: Flask, count: int, **fields: Any) -> None:
    with app.app_context():
        for number in range(count):
            address = f"person{number:03}@example.com"
            values = {"first_name": "", "last_name": "", "is_admin": False, "is_active": True, **fields}
            values |= {"email_verified": True, "created_at": START, "password_hash": "$argon2id$canary"}
            db.session.add(User(email=address, email_key=address, **values))
        db.session.commit()
