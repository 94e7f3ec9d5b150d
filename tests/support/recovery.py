"""Getting an account back: asking for a new password, following the links of mails, moving to another address."""

from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from tests.support.mailbox import Mailbox
from tests.support.steps import csrf_token

NEW_PASSWORD = "seven quiet hedges"
OTHER = "moved@example.com"
THIEF = "thief@example.com"


def forgot(app: Flask, email: str = people.EMAIL, **headers: str) -> int:
    return app.test_client().post("/api/password/forgot", json={"email": email}, headers=headers).status_code


def reset(app: Flask, token: str, password: str = NEW_PASSWORD) -> tuple[int, str]:
    reply = app.test_client().post("/api/password/reset", json={"token": token, "password": password})
    return reply.status_code, (reply.json or {}).get("code", "")


def ask_to_move(session: people.SignedIn, email: str = OTHER, password: str = people.PASSWORD) -> tuple[int, object]:
    reply = session.http.post("/api/me/email", json={"email": email, "password": password}, headers=session.bearer)
    return reply.status_code, reply.json


def confirm(app: Flask, token: str) -> tuple[int, str]:
    reply = app.test_client().post("/api/email/verify", json={"token": token})
    return reply.status_code, (reply.json or {}).get("code", "")


def move_to(app: Flask, mailbox: Mailbox, address: str, *, of: people.SignedIn) -> None:
    """Give the account another address, as its owner or whoever knows the password does."""
    assert ask_to_move(of, address)[0] == 202
    assert confirm(app, mailbox.token("verify", address))[0] == 204


def use(app: Flask, link: str) -> TestResponse:
    http = app.test_client()
    page = http.get(link)
    return http.post(link, data={"csrf_token": csrf_token(page)}) if page.status_code == 200 else page


def recover(app: Flask, link: str) -> None:
    """Open the link of a mail, and set the password that it leads to."""
    assert reset(app, use(app, link).location.split("/reset/")[1])[0] == 204
