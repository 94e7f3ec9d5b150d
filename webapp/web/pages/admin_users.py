"""The users, for administrators: looking for them, one of them with all that is known, and what can be done."""

from functools import partial

from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import administration, event_list, passkeys, session_list, user_list
from webapp.database import db
from webapp.devices import device_name
from webapp.errors import NotFound
from webapp.keyset import Page, Position, read_all
from webapp.models import User
from webapp.web import charts, csv_answers
from webapp.web.admin_acts import ACTS
from webapp.web.admin_queries import UsersQuery, read_filters, to_note
from webapp.web.bodies import read_query
from webapp.web.context import settings
from webapp.web.forms import ActForm
from webapp.web.guard import administrator_required, fresh_sign_in_required

pages = Blueprint("admin_users", __name__, url_prefix="/admin")

PAGE = 25
LATEST_EVENTS = 15


@pages.get("/users")
@administrator_required
def index() -> ResponseReturnValue:
    query = read_filters(UsersQuery, page="admin_users.index", label="All users")
    page = _find(query, query.position, PAGE)
    is_whole = page.before is None and page.after is None
    total = len(page.rows) if is_whole else user_list.count_users(db.session, q=query.q, state=query.state)
    return render_template("admin/users.html", query=query, page=page, total=total, most=user_list.MOST_COUNTED)


@pages.get("/users.csv")
@administrator_required
@fresh_sign_in_required
def index_csv() -> ResponseReturnValue:
    query = read_query(UsersQuery, of_form=True).whole()
    who = {"actor_id": g.auth.user.id, "client": g.client, "now": g.now}
    administration.note_export(db.session, what="users", filters=to_note(db.session, query), **who)
    header = ("id", "address", "first name", "last name", "confirmed", "administrator", "active", "two-step", "created")
    rows = (
        (
            user.id,
            user.email,
            user.first_name,
            user.last_name,
            user.email_verified,
            user.is_admin,
            user.is_active,
            user.totp_enabled_at,
            user.created_at,
        )
        for user, *_ in read_all(db.session, partial(_find, query))
    )
    return csv_answers.answer(f"users-{g.now:%Y-%m-%d}", header, rows)


def _find(query: UsersQuery, position: Position, size: int) -> Page[user_list.Listed]:
    return user_list.find_users(
        db.session,
        settings(),
        q=query.q,
        state=query.state,
        sort=query.sort,
        position=position,
        size=size,
        now=g.now,
    )


@pages.get("/users/<row_id:user_id>")
@administrator_required
def show(user_id: int) -> ResponseReturnValue:
    user = _user(user_id)
    sessions = session_list.find_sessions(
        db.session,
        settings(),
        state="all",
        user_id=user_id,
        ip="",
        device="",
        position=Position(),
        size=PAGE,
        now=g.now,
    )
    their_passkeys = passkeys.list_passkeys(db.session, user_id=user_id)
    return render_template(
        "admin/user.html",
        user=user,
        sessions=sessions,
        lives=session_list.read_lives(db.session, [row.session.id for row in sessions.rows]),
        passkeys=their_passkeys,
        events=event_list.find_events(db.session, user_id=user_id, position=Position(), size=LATEST_EVENTS).rows,
        acts={name: act for name, act in ACTS.items() if act.is_for(user, their_passkeys)},
        charts=charts,
        device_name=device_name,
        now=g.now,
    )


@pages.get("/users/<row_id:user_id>/<act>")
@administrator_required
@fresh_sign_in_required
def ask(user_id: int, act: str) -> ResponseReturnValue:
    user = _user(user_id)
    return _act_page(user, act, ActForm()) if _fits(user, act) else _leave(user_id)


@pages.post("/users/<row_id:user_id>/<act>")
@administrator_required
@fresh_sign_in_required
def perform(user_id: int, act: str) -> ResponseReturnValue:
    user, form = _user(user_id), ActForm()
    if not _fits(user, act):
        return _leave(user_id)
    g.next_step = (url_for("admin_users.show", user_id=user_id), "Back to the user")
    if not form.confirms(user.email if ACTS[act].is_typed else None):
        return _act_page(user, act, form), 422
    who = {"actor_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    if administration.carry_out(db.session, ACTS[act].perform, user_id=user_id, **who) is False:
        return _leave(user_id)
    flash(ACTS[act].done, "success")
    is_over = user_id == g.auth.user.id and act in ("demote", "deactivate", "end-sessions")
    return redirect(url_for("account.profile") if is_over else url_for("admin_users.show", user_id=user_id), 303)


def _fits(user: User, act: str) -> bool:
    """Whether the act is one for this user, as they are now: the link to it may be from before."""
    if act not in ACTS:
        abort(404)
    return ACTS[act].is_for(user, passkeys.list_passkeys(db.session, user_id=user.id))


def _leave(user_id: int) -> ResponseReturnValue:
    flash("That has been done, or does not apply any more.", "info")
    return redirect(url_for("admin_users.show", user_id=user_id), 303)


def _act_page(user: User, act: str, form: ActForm) -> str:
    return render_template("admin/act.html", user=user, name=act, act=ACTS[act], form=form)


def _user(user_id: int) -> User:
    g.next_step = (url_for("admin_users.index"), "All users")
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound("There is no user with this number.")
    return user
