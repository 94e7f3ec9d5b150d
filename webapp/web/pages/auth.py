"""Signing in and out, for people: password, then a code where a second factor is on."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp import authentication, demo, mfa, pending_sign_ins, recovery_codes, revocation
from webapp.database import db
from webapp.errors import InvalidCode, InvalidCredentials, InvalidLink, TooManyAttempts
from webapp.web import cookies, signing_in
from webapp.web.context import settings
from webapp.web.credentials import sessions_of_cookie
from webapp.web.forms import CodeForm, LoginForm
from webapp.web.limits import limit_failed_sign_ins
from webapp.web.redirects import own_path
from webapp.web.signing_in import PENDING

auth = Blueprint("auth", __name__)

# Why somebody is led to the sign-in page: said there and not kept for the next page, which whoever is in by then sees.
_REASONS = {"code_ended": "That took too long, or was tried too often. Sign in again."}


@auth.get("/login")
def login() -> ResponseReturnValue:
    if g.auth is not None:
        return redirect(_destination(request.args.get("next")), 303)
    if reason := _REASONS.get(request.args.get("reason", "")):
        flash(reason, "info")  # this page is the one that shows it
    return _login_page(LoginForm(data={"next": request.args.get("next", "")}))


@auth.post("/login")
@limit_failed_sign_ins
def submit_login() -> ResponseReturnValue:
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 422
    try:
        found = authentication.check_password(
            db.session,
            settings(),
            email=form.email.data,
            password=form.password.data,
            device=signing_in.device(),
            client=g.client,
            now=g.now,
        )
    except InvalidCredentials as error:
        g.refusal = error
        form.form_errors.append(f"{error.title}.")
        return _login_page(form), 422
    return signing_in.go_on(found, remember=form.remember.data, destination=_destination(form.next.data))


@auth.get("/login/code")
def code() -> ResponseReturnValue:
    if PENDING not in session:
        return redirect(url_for("auth.login"), 303)
    return _code_page(CodeForm())


@auth.post("/login/code")
def submit_code() -> ResponseReturnValue:
    form, waiting = CodeForm(), session.get(PENDING, {})
    if not form.validate():
        return _code_page(form), 422
    try:
        user_id = pending_sign_ins.finish(
            db.session,
            settings(),
            token=waiting.get("token", ""),
            code=form.code.data,
            device=signing_in.device(),
            client=g.client,
            now=g.now,
        )
    except InvalidCode as error:
        g.refusal = error
        form.code.errors = [f"{error.title}. Enter {'another' if 'recovery' in request.args else 'the newest'} one."]
        return _code_page(form), 422
    except TooManyAttempts:
        # It has ended the sign-in that waited: once the wait is over, the password is asked for first.
        session.pop(PENDING, None)
        g.next_step = (_again(waiting), "Sign in again")
        raise
    except InvalidLink:
        session.pop(PENDING, None)
        # Perhaps the second click of a double one, whose first has signed in.
        return redirect(url_for("auth.login", next=waiting.get("next"), reason="code_ended"), 303)
    response = signing_in.lead_in(user_id, remember=waiting["remember"], destination=waiting["next"])
    if not mfa.is_totp(form.code.data):
        flash(_codes_left(recovery_codes.count(db.session, user_id=user_id)), "info")
    return response


@auth.post("/logout")
def logout() -> ResponseReturnValue:
    for sid, user_id in sessions_of_cookie():
        revocation.sign_out(db.session, sid=sid, user_id=user_id, client=g.client, now=g.now)
    session.clear()
    flash("You are signed out.", "success")
    response = redirect(url_for("auth.login"), 303)
    cookies.clear_refresh(settings(), response)
    return response


def _codes_left(count: int) -> str:
    advice = " Make new ones under Security." if count < recovery_codes.FEW else ""
    return f"You used a recovery code; you have {count or 'none'} left.{advice}"


def _login_page(form: LoginForm) -> str:
    return render_template("auth/login.html", form=form, demo_users=demo.credentials(db.session, settings()))


def _code_page(form: CodeForm) -> str:
    return render_template("auth/code.html", form=form, again=_again(session.get(PENDING, {})))


def _again(waiting: dict[str, Any]) -> str:
    """Return where a sign-in begins again that waits for its code; it leads on to where it was to."""
    return url_for("auth.login", next=waiting.get("next"))


def _destination(target: str | None) -> str:
    return own_path(target, default=url_for("account.profile"))
