"""Signing up, confirming an address, and the forgotten password, for programs."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from webapp import email_links, recovery, registration
from webapp.database import db
from webapp.web import answers, credentials, guard
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.limits import limit_mails
from webapp.web.schemas import ForgotBody, RegisterBody, ResetBody, TokenBody

registration_api = Blueprint("registration_api", __name__)


@registration_api.post("/register")
@limit_mails
def register() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    body = read_json(RegisterBody)
    registration.register(db.session, settings(), **body.model_dump(), client=g.client, now=g.now)
    return answers.SIGNED_UP.respond(202)


@registration_api.post("/email/verify")
def verify_email() -> ResponseReturnValue:
    email_links.confirm(db.session, token=read_json(TokenBody).token, client=g.client, now=g.now)
    return Response(status=204)


@registration_api.post("/email/resend")
@limit_mails
@guard.access_required
def resend_link() -> ResponseReturnValue:
    registration.resend(db.session, user_id=g.auth.user.id, client=g.client, now=g.now)
    return answers.LINK_RESENT.respond(202)


@registration_api.post("/password/forgot")
@limit_mails
def forgot_password() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    recovery.forgot(db.session, email=read_json(ForgotBody).email, client=g.client, now=g.now)
    return answers.RESET_ASKED.respond(202)


@registration_api.post("/password/reset")
def reset_password() -> ResponseReturnValue:
    body = read_json(ResetBody)
    recovery.reset(db.session, settings(), **body.model_dump(), client=g.client, now=g.now)
    return Response(status=204)
