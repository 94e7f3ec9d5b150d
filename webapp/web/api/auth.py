"""Signing in, refreshing and signing out, for programs."""

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from webapp import accounts, revocation, sessions
from webapp.config import Transport
from webapp.database import db
from webapp.errors import InvalidFields
from webapp.sessions import TokenPair
from webapp.web import cookies, credentials
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.limits import limit_failed_sign_ins
from webapp.web.schemas import LoginBody, TokenAnswer, UserAnswer

auth_api = Blueprint("auth_api", __name__)
refresh_api = Blueprint("refresh_api", __name__)  # registered only where refresh tokens are enabled


@auth_api.post("/login")
@limit_failed_sign_ins
def login() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    body = read_json(LoginBody)
    transport = _choose_transport(body.transport)
    user = accounts.authenticate(
        db.session, settings(), email=body.email, password=body.password, client=g.client, now=g.now
    )
    return _answer(
        sessions.open_session(
            db.session,
            settings(),
            user_id=user.id,
            transport=transport,
            remember=body.remember,
            client=g.client,
            now=g.now,
        )
    )


@refresh_api.post("/refresh")
def refresh() -> ResponseReturnValue:
    credential = credentials.refresh_credential()
    return _answer(
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


def _choose_transport(asked: Transport | None) -> Transport:
    """Return how the session's refresh token will travel: as asked, else by cookie for pages of our own origin."""
    allowed = settings().refresh_token_transports
    if asked is None:
        preferred: Transport = "cookie" if request.headers.get("Sec-Fetch-Site") == "same-origin" else "body"
        return preferred if preferred in allowed else allowed[0]
    if asked not in allowed:
        raise InvalidFields({"transport": [f"This server allows {' and '.join(allowed)} only."]})
    return asked


def _answer(pair: TokenPair) -> Response:
    """Shape the token answer: a cookie session's refresh token goes into the cookie and nowhere else."""
    is_cookie = pair.session.transport == "cookie"
    answer = TokenAnswer(
        access_token=pair.access_token,
        refresh_token=None if is_cookie else pair.refresh_token,
        expires_in=pair.expires_in,
        user=UserAnswer.model_validate(pair.session.user),
    )
    response = jsonify(answer.model_dump(exclude_none=True))
    if is_cookie:
        cookies.set_refresh(settings(), response, pair)
    return response
