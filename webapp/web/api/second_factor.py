"""The second factor, for programs: setting it up, its recovery codes, taking it away."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from webapp import mfa_setup, recovery_codes
from webapp.database import db
from webapp.web import guard
from webapp.web.answers import EnrolmentAnswer, RecoveryCodesAnswer
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.schemas import CodeBody, PasswordProofBody

second_factor_api = Blueprint("second_factor_api", __name__)


@second_factor_api.post("/me/totp")
@guard.access_required
@guard.fresh_sign_in_required
def begin() -> ResponseReturnValue:
    enrolment = mfa_setup.begin(db.session, settings(), user_id=g.auth.user.id, sid=g.auth.sid, now=g.now)
    return EnrolmentAnswer(secret=enrolment.secret, otpauth_uri=enrolment.uri).respond()


@second_factor_api.post("/me/totp/confirm")
@guard.access_required
@guard.fresh_sign_in_required
def confirm() -> ResponseReturnValue:
    codes = mfa_setup.confirm(
        db.session,
        settings(),
        user_id=g.auth.user.id,
        sid=g.auth.sid,
        code=read_json(CodeBody).code,
        client=g.client,
        now=g.now,
    )
    return RecoveryCodesAnswer(recovery_codes=codes).respond()


@second_factor_api.delete("/me/totp")
@guard.access_required
def remove() -> ResponseReturnValue:
    password = read_json(PasswordProofBody).password
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    mfa_setup.remove(db.session, settings(), password=password, **who)
    return Response(status=204)


@second_factor_api.post("/me/recovery-codes")
@guard.access_required
@guard.fresh_sign_in_required
def renew_codes() -> ResponseReturnValue:
    codes = recovery_codes.renew(db.session, user_id=g.auth.user.id, sid=g.auth.sid, client=g.client, now=g.now)
    return RecoveryCodesAnswer(recovery_codes=codes).respond()
