"""The signed-in user, for programs."""

from flask import Blueprint, g, jsonify
from flask.typing import ResponseReturnValue

from webapp import accounts
from webapp.database import db
from webapp.web import guard
from webapp.web.bodies import read_json
from webapp.web.schemas import ProfileBody, UserAnswer

me_api = Blueprint("me_api", __name__)


@me_api.get("/me")
@guard.access_required
def show() -> ResponseReturnValue:
    return jsonify(UserAnswer.model_validate(g.auth.user).model_dump())


@me_api.patch("/me")
@guard.access_required
def update() -> ResponseReturnValue:
    body = read_json(ProfileBody)
    user = accounts.rename(
        db.session,
        user_id=g.auth.user.id,
        first_name=body.first_name,
        last_name=body.last_name,
        client=g.client,
        now=g.now,
    )
    return jsonify(UserAnswer.model_validate(user).model_dump())
