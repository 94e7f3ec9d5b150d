"""Sessions as a test looks at them: by their ids, in the device list, and why they were ended."""

from flask import Flask
from sqlalchemy import select

from tests.support import forge, people
from webapp.database import db
from webapp.models import AuthSession


def sid(client: people.SignedIn) -> str:
    return forge.read(client.access)["sid"]


def listed(client: people.SignedIn) -> list[str]:
    """Return the ids in the device list, in its order."""
    return [item["id"] for item in client.http.get("/api/sessions", headers=client.bearer).json["items"]]


def reasons(app: Flask) -> dict[str, str | None]:
    """Return why each session was ended, by its id."""
    with app.app_context():
        return {row.id: row.revoked_reason for row in db.session.scalars(select(AuthSession))}


def ended_because(app: Flask) -> set[str | None]:
    return set(reasons(app).values())
