"""What a dump of the database is worth to a thief: no token is in it, and nothing in it signs anybody in (R15)."""

import base64
import hashlib
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support import forge, people
from tests.support.steps import me, refresh, successor
from webapp.database import Base, db

pytestmark = pytest.mark.usefixtures("clock")


def dump(app: Flask) -> list[str]:
    """Return every value of every column of every table, as text."""
    with app.app_context():
        rows: list[Any] = [row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))]
        return [str(value) for row in rows for value in row]


@pytest.mark.sends_what_is_kept  # whatever the database holds
def test_a_dump_of_the_database_holds_no_token_and_signs_nobody_in(app: Flask, signed_in: people.SignedIn) -> None:
    """R15: no token, no segment of one, no hash of either; and no stored value opens anything."""
    http = signed_in.http
    reply = refresh(http, signed_in.refresh)
    me(http, reply.json["access_token"])
    refresh(http, successor(reply))
    refresh(http, signed_in.refresh + "x")
    tokens = [signed_in.access, signed_in.refresh, reply.json["access_token"], successor(reply)]
    values = dump(app)
    text = "\n".join(values)
    assert forge.read(signed_in.access)["sid"] in text
    for secret in [part for token in tokens for part in (token, *token.split(".")[1:])]:
        digests = [hashlib.new(name, secret.encode()).digest() for name in ("sha256", "sha1", "md5", "sha512")]
        forms = [form(digest) for digest in digests for form in (bytes.hex, base64.b64encode, base64.urlsafe_b64encode)]
        for needle in [secret, *(form if isinstance(form, str) else form.decode().rstrip("=") for form in forms)]:
            assert needle not in text
    for value in set(values):
        token = value.encode("ascii", "ignore").decode() or "x"
        assert refresh(http, token).status_code != 200
        assert me(http, token.replace("\n", " ")) != 200
