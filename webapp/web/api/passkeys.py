"""Passkeys, for programs in a browser: our own pages, and front ends of allowed origins."""

from flask import Blueprint, Response, g, jsonify
from flask.typing import ResponseReturnValue

from webapp import passkey_ceremonies, passkeys
from webapp.database import db
from webapp.web import credentials, guard, signing_in
from webapp.web.answers import PasskeyAnswer, PasskeysAnswer
from webapp.web.bodies import read_json
from webapp.web.context import settings
from webapp.web.limits import limit_chatter
from webapp.web.schemas import PasskeyBody, PasskeyNameBody, PasskeySignInBody

passkeys_api = Blueprint("passkeys_api", __name__)


@passkeys_api.get("/passkeys")
@guard.access_required
def index() -> ResponseReturnValue:
    found = passkeys.list_passkeys(db.session, user_id=g.auth.user.id)
    answer = PasskeysAnswer(items=[PasskeyAnswer.model_validate(passkey) for passkey in found])
    return answer.respond()


@passkeys_api.post("/passkeys/options")
@guard.access_required
@guard.fresh_sign_in_required
def creation_options() -> ResponseReturnValue:
    return jsonify(passkey_ceremonies.creation_options(db.session, settings(), user_id=g.auth.user.id, now=g.now))


@passkeys_api.post("/passkeys")
@guard.access_required
@guard.fresh_sign_in_required
def add() -> ResponseReturnValue:
    body = read_json(PasskeyBody)
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    passkey = passkey_ceremonies.add(db.session, settings(), credential=body.credential, name=body.name, **who)
    return PasskeyAnswer.model_validate(passkey).respond(201)


@passkeys_api.patch("/passkeys/<row_id:passkey_id>")
@guard.access_required
def rename(passkey_id: int) -> ResponseReturnValue:
    name = read_json(PasskeyNameBody).name
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    passkey = passkeys.rename(db.session, passkey_id=passkey_id, name=name, **who)
    return PasskeyAnswer.model_validate(passkey).respond()


@passkeys_api.delete("/passkeys/<row_id:passkey_id>")
@guard.access_required
@guard.fresh_sign_in_required
def remove(passkey_id: int) -> ResponseReturnValue:
    who = {"user_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    passkeys.remove(db.session, passkey_id=passkey_id, **who)
    return Response(status=204)


@passkeys_api.post("/login/passkey/options")
@limit_chatter
def request_options() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    return jsonify(passkey_ceremonies.request_options(db.session, settings(), now=g.now))


@passkeys_api.post("/login/passkey")
@limit_chatter
def sign_in() -> ResponseReturnValue:
    credentials.refuse_foreign_origin()
    body = read_json(PasskeySignInBody)
    transport = signing_in.choose_transport(body.transport)
    user_id = passkey_ceremonies.authenticate(
        db.session, settings(), credential=body.credential, client=g.client, now=g.now
    )
    return signing_in.answer_sign_in(user_id, transport=transport, remember=body.remember)
