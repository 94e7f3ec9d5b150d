"""The user's own pages: profile, devices, the live token page."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import accounts, revocation, session_state
from webapp.database import db
from webapp.devices import MOST_LISTED, list_devices
from webapp.web import cookies
from webapp.web.context import settings
from webapp.web.forms import ProfileForm
from webapp.web.guard import fresh_sign_in_required, require_fresh_sign_in, sign_in_required

account = Blueprint("account", __name__, url_prefix="/account")


@account.get("")
@sign_in_required
def profile() -> ResponseReturnValue:
    return _profile_page(ProfileForm(obj=g.auth.user))


@account.post("")
@sign_in_required
def edit_profile() -> ResponseReturnValue:
    form = ProfileForm()
    if not form.validate():
        return _profile_page(form), 422
    accounts.rename(
        db.session,
        user_id=g.auth.user.id,
        sid=g.auth.sid,
        first_name=form.first_name.data,
        last_name=form.last_name.data,
        client=g.client,
        now=g.now,
    )
    flash("Your name is saved.", "success")
    return redirect(url_for("account.profile"), 303)


def _profile_page(form: ProfileForm) -> str:
    # Not `authenticated_at`, which the password alone renews.
    signed_in_at = session_state.begun_at(db.session, g.auth.sid)
    return render_template(
        "account/profile.html", form=form, signed_in_at=signed_in_at, member_since=g.auth.user.created_at
    )


@account.get("/sessions")
@sign_in_required
def devices() -> ResponseReturnValue:
    listed = list_devices(db.session, settings(), user_id=g.auth.user.id, current_sid=g.auth.sid, now=g.now)
    return render_template("account/sessions.html", devices=listed, is_cut=len(listed) == MOST_LISTED)


@account.post("/sessions/<session_id:sid>/end")
@sign_in_required
def end_device(sid: str) -> ResponseReturnValue:
    if sid != g.auth.sid:
        require_fresh_sign_in()
    who = {"asked_by": g.auth.sid, "user_id": g.auth.user.id, "client": g.client, "now": g.now}
    ended = revocation.end_own_session(db.session, sid=sid, **who)
    if sid == g.auth.sid:
        flash("You are signed out.", "success")
        response = redirect(url_for("auth.login"), 303)
        cookies.clear_refresh(settings(), response)
        return response
    if ended:
        flash("That device is signed out. Its next request will be refused.", "success")
    else:
        flash("That device was signed out already.", "info")
    return redirect(url_for("account.devices"), 303)


@account.post("/sessions/end-others")
@sign_in_required
@fresh_sign_in_required
def end_other_devices() -> ResponseReturnValue:
    count = revocation.end_other_sessions(
        db.session, keep_sid=g.auth.sid, user_id=g.auth.user.id, client=g.client, now=g.now
    )
    flash(f"Signed out {count} other device{'' if count == 1 else 's'}.", "success")
    return redirect(url_for("account.devices"), 303)


@account.get("/tokens")
@sign_in_required
def tokens() -> ResponseReturnValue:
    return render_template(
        "account/tokens.html",
        access_ttl_seconds=int(settings().access_ttl.total_seconds()),
        threshold_seconds=int(settings().auto_refresh_threshold.total_seconds()),
        refresh_enabled=settings().refresh_token_enabled,
    )
