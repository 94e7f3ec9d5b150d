"""Signing in, refreshing and signing out, for programs."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from webapp import authentication, revocation, sessions
from webapp.database import db
from webapp.web import credentials, signing_in
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.limits import limit_failed_sign_ins
from webapp.web.schemas import LoginBody

auth_api = Blueprint("auth_api", __name__)
refresh_api = Blueprint("refresh_api", __name__)  # registered only where refresh tokens are enabled


@auth_api.post("/login")
@limit_failed_sign_ins
def login() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    body = read_json(LoginBody)
    transport = signing_in.choose_transport(body.transport)
    user_id = authentication.authenticate(
        db.session,
        settings(),
        email=body.email,
        password=body.password,
        code=body.code,
        device=signing_in.device(),
        client=g.client,
        now=g.now,
    )
    return signing_in.answer_sign_in(user_id, transport=transport, remember=body.remember)


@refresh_api.post("/refresh")
def refresh() -> ResponseReturnValue:
    credential = credentials.refresh_credential()
    return signing_in.answer(
        sessions.refresh(
            db.session,
            settings(),
            credential.claims,
            presented=credential.presented,
            client=g.client,
            now=g.now,
        )
    )


@auth_api.post("/logout")
def logout() -> ResponseReturnValue:
    ended = credentials.sessions_to_end()
    for sid, user_id in ended:
        revocation.sign_out(db.session, sid=sid, user_id=user_id, client=g.client, now=g.now)
    response = Response(status=204)
    credentials.clear_dead_cookie(response, ended)
    return response
