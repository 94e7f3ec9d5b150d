"""Signing in and out, for people."""

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp import accounts, demo, revocation, sessions
from webapp.database import db
from webapp.errors import InvalidCredentials
from webapp.web import cookies
from webapp.web.context import settings
from webapp.web.credentials import sessions_of_cookie
from webapp.web.forms import LoginForm
from webapp.web.limits import limit_failed_sign_ins
from webapp.web.redirects import own_path

auth = Blueprint("auth", __name__)


@auth.get("/login")
def login() -> ResponseReturnValue:
    if g.auth is not None:
        return redirect(_destination(request.args.get("next")), 303)
    return _login_page(LoginForm(data={"next": request.args.get("next", "")}))


@auth.post("/login")
@limit_failed_sign_ins
def submit_login() -> ResponseReturnValue:
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 422
    try:
        user = accounts.authenticate(
            db.session,
            settings(),
            email=form.email.data,
            password=form.password.data,
            client=g.client,
            now=g.now,
        )
    except InvalidCredentials as error:
        form.form_errors.append(f"{error.title}.")
        return _login_page(form), 422
    return _sign_in(user.id, remember=form.remember.data, destination=_destination(form.next.data))


@auth.post("/logout")
def logout() -> ResponseReturnValue:
    for sid, user_id in sessions_of_cookie():
        revocation.sign_out(db.session, sid=sid, user_id=user_id, client=g.client, now=g.now)
    session.clear()
    flash("You are signed out.", "success")
    response = redirect(url_for("auth.login"), 303)
    cookies.clear_refresh(settings(), response)
    return response


def _login_page(form: LoginForm) -> str:
    return render_template("auth/login.html", form=form, demo_users=demo.credentials(db.session, settings()))


def _sign_in(user_id: int, *, remember: bool, destination: str) -> ResponseReturnValue:
    pair = sessions.open_session(
        db.session,
        settings(),
        user_id=user_id,
        transport="cookie",
        remember=remember,
        client=g.client,
        now=g.now,
    )
    # A new sign-in starts a new form session: nothing that was planted before it stays.
    session.clear()
    response = redirect(destination, 303)
    cookies.set_refresh(settings(), response, pair)
    return response


def _destination(target: str | None) -> str:
    return own_path(target, default=url_for("account.profile"))
