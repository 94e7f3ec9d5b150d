"""The signed-in user, for programs: profile, password, address, data, and the end of the account."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from webapp import account_deletion, accounts, email_change, personal_data, reauthentication
from webapp.database import db
from webapp.web import credentials, guard, json_answers, signing_in
from webapp.web.answers import ADDRESS_ASKED, UserAnswer
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.limits import limit_mails
from webapp.web.schemas import EmailChangeBody, PasswordChangeBody, PasswordProofBody, ProfileBody

me_api = Blueprint("me_api", __name__)


@me_api.get("/me")
@guard.access_required
def show() -> ResponseReturnValue:
    return UserAnswer.model_validate(g.auth.user).respond()


@me_api.patch("/me")
@guard.access_required
def update() -> ResponseReturnValue:
    body = read_json(ProfileBody)
    user = accounts.rename(
        db.session,
        user_id=g.auth.user.id,
        sid=g.auth.sid,
        **body.model_dump(exclude_unset=True),
        client=g.client,
        now=g.now,
    )
    return UserAnswer.model_validate(user).respond()


@me_api.delete("/me")
@guard.access_required
def close() -> ResponseReturnValue:
    guard.withhold_renewal()
    body, user_id = read_json(PasswordProofBody), g.auth.user.id
    who = {"user_id": user_id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    account_deletion.close(db.session, settings(), password=body.password, **who)
    response = Response(status=204)
    credentials.clear_dead_cookie(response, {(g.auth.sid, user_id)})
    return response


@me_api.post("/me/password")
@guard.access_required
def change_password() -> ResponseReturnValue:
    guard.withhold_renewal()
    body = read_json(PasswordChangeBody)
    forgotten_at = accounts.change_password(
        db.session,
        settings(),
        user_id=g.auth.user.id,
        sid=g.auth.sid,
        **body.model_dump(),
        client=g.client,
        now=g.now,
    )
    response = Response(status=204)
    signing_in.stay_known(response, forgotten_at=forgotten_at)
    return response


@me_api.post("/me/email")
@limit_mails
@guard.access_required
def change_email() -> ResponseReturnValue:
    body = read_json(EmailChangeBody)
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    email_change.ask(db.session, settings(), **body.model_dump(), **who)
    return ADDRESS_ASKED.respond(202)


@me_api.post("/me/reauthenticate")
@guard.access_required
def reauthenticate() -> ResponseReturnValue:
    body = read_json(PasswordProofBody)
    reauthentication.reauthenticate(
        db.session,
        settings(),
        sid=g.auth.sid,
        user_id=g.auth.user.id,
        password=body.password,
        client=g.client,
        now=g.now,
    )
    return Response(status=204)


@me_api.get("/me/data")
@guard.access_required
@guard.fresh_sign_in_required
def data() -> ResponseReturnValue:
    who = {"user_id": g.auth.user.id, "client": g.client, "now": g.now}
    return json_answers.answer(*personal_data.export(db.session, settings(), **who))
