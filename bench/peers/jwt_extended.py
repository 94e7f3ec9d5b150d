"""Flask-JWT-Extended as its documentation revokes tokens and loads users: a blocklist in the database, a user loader.

https://flask-jwt-extended.readthedocs.io/en/stable/blocklist_and_token_revoking.html#database and
/automatic_user_loading.html. `python -m bench.peers.jwt_extended` makes the database."""

import os
from datetime import datetime
from typing import Any

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    current_user,
    get_jwt_identity,
    jwt_required,
)
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz"
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
jwt = JWTManager(app)
db = SQLAlchemy(app)


class User(db.Model):  # type: ignore[name-defined,misc]
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.Text, nullable=False, unique=True)
    first_name = db.Column(db.Text, nullable=False)
    last_name = db.Column(db.Text, nullable=False)


class TokenBlocklist(db.Model):  # type: ignore[name-defined,misc]
    id = db.Column(db.Integer, primary_key=True)
    jti = db.Column(db.String(36), nullable=False, index=True)
    created_at = db.Column(db.DateTime, nullable=False, default=datetime.now)


@jwt.token_in_blocklist_loader  # type: ignore[untyped-decorator]
def is_revoked(_header: dict[str, Any], payload: dict[str, Any]) -> bool:
    token = db.session.query(TokenBlocklist.id).filter_by(jti=payload["jti"]).scalar()
    return token is not None


@jwt.user_lookup_loader  # type: ignore[untyped-decorator]
def load_user(_header: dict[str, Any], payload: dict[str, Any]) -> Any:
    return User.query.filter_by(id=payload["sub"]).one_or_none()


@app.post("/login")
def login() -> ResponseReturnValue:
    """Its example compares no hash: this call is not measured."""
    return jsonify(access=create_access_token(identity="1"), refresh=create_refresh_token(identity="1"))


@app.post("/refresh")
@jwt_required(refresh=True)  # type: ignore[untyped-decorator]
def refresh() -> ResponseReturnValue:
    return jsonify(access=create_access_token(identity=get_jwt_identity()))


@app.get("/api/me")
@jwt_required()  # type: ignore[untyped-decorator]
def me() -> ResponseReturnValue:
    return jsonify(
        id=current_user.id,
        email=current_user.email,
        first_name=current_user.first_name,
        last_name=current_user.last_name,
        email_verified=True,
    )


def prepare() -> None:
    with app.app_context():
        db.create_all()
        db.session.add(User(id=1, email="test@test.com", first_name="John", last_name="Doe"))
        db.session.commit()


if __name__ == "__main__":
    prepare()
