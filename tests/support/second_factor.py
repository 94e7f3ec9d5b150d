"""A second factor as its owner has it: set up by the API, and asked for at the API's door."""

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from tests.support import people
from webapp.clock import utc_now

STEP = 30


class Phone:
    """An authenticator app that was set up, and the recovery codes that came with it."""

    def __init__(self, secret: str, codes: list[str]) -> None:
        self.secret, self.codes = secret, codes

    def code(self, steps: int = 0) -> str:
        """The code of the present time step, or of another one so many later."""
        return pyotp.TOTP(self.secret).at(int(utc_now().timestamp()) + steps * STEP)


def set_up(session: people.SignedIn) -> Phone:
    secret = session.http.post("/api/me/totp", headers=session.bearer).json["secret"]
    code = pyotp.TOTP(secret).at(int(utc_now().timestamp()))
    reply = session.http.post("/api/me/totp/confirm", json={"code": code}, headers=session.bearer)
    assert reply.status_code == 200, reply.text
    return Phone(secret, reply.json["recovery_codes"])


def login(app: Flask, code: str | None = None, **more: str) -> TestResponse:
    body = {"email": people.EMAIL, "password": people.PASSWORD, **more, **({"code": code} if code is not None else {})}
    return app.test_client().post("/api/login", json=body)


def outcome(reply: TestResponse) -> tuple[int, str]:
    return reply.status_code, (reply.json or {}).get("code", "")
