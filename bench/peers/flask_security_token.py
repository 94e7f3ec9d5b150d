"""Flask-Security with SQLAlchemy and authentication tokens, after its quick start.

https://flask-security.readthedocs.io/en/stable/quickstart.html#basic-flask-sqlalchemy-application. Its tokens name the
user by `fs_token_uniquifier`, which is read at each request; they are renewed by signing in.
`python -m bench.peers.flask_security_token` makes the database."""

import os

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from flask_security import Security, SQLAlchemyUserDatastore, auth_required, current_user, hash_password
from flask_security.models import fsqla_v3 as fsqla
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SECRET_KEY"] = "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz"
app.config["SECURITY_PASSWORD_SALT"] = "146585145368132386173505678016728509634"
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
app.config["WTF_CSRF_CHECK_DEFAULT"] = False
app.config["SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS"] = True
db = SQLAlchemy(app)
fsqla.FsModels.set_db_info(db)


class Role(db.Model, fsqla.FsRoleMixin):  # type: ignore[name-defined,misc]
    pass


class User(db.Model, fsqla.FsUserMixin):  # type: ignore[name-defined,misc]
    first_name = db.Column(db.Text)
    last_name = db.Column(db.Text)


datastore = SQLAlchemyUserDatastore(db, User, Role)
app.security = Security(app, datastore)  # type: ignore[attr-defined]


@app.get("/api/me")
@auth_required("token")  # type: ignore[untyped-decorator]
def me() -> ResponseReturnValue:
    names = {"first_name": current_user.first_name, "last_name": current_user.last_name}
    return jsonify(id=current_user.id, email=current_user.email, **names, email_verified=True)


def prepare() -> None:
    with app.app_context():
        db.create_all()
        password = hash_password("Test123!")
        datastore.create_user(email="test@test.com", password=password, first_name="John", last_name="Doe")
        db.session.commit()


if __name__ == "__main__":
    prepare()
