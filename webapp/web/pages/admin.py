"""The administrators' desk: what happens, every session, every event. The users: admin_users.py."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import islice

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp import administration, audit, event_list, session_list, stats
from webapp.database import db
from webapp.devices import device_name
from webapp.keyset import Page, Position, read_all
from webapp.text import is_storable
from webapp.token_format import SESSION_ID
from webapp.web import charts, csv_answers
from webapp.web.admin_queries import EventsQuery, SessionsQuery, read_filters, to_note, user_id_of
from webapp.web.bodies import read_query, refuse_repeated_parameters
from webapp.web.context import settings
from webapp.web.guard import administrator_required, fresh_sign_in_required, require_fresh_sign_in
from webapp.web.redirects import own_path

pages = Blueprint("admin", __name__, url_prefix="/admin")

PAGE = 25
LATEST_ALARMS = 5
MOST_AT_ONCE = 100  # sessions that one form ends
TICKED = "ticked"  # in the form session: what was ticked before the password was asked for


@pages.get("")
@administrator_required
def overview() -> ResponseReturnValue:
    alarms = event_list.find_events(
        db.session, kind=audit.Kind.REFRESH_REUSE, position=Position(), size=LATEST_ALARMS
    ).rows
    return render_template(
        "admin/overview.html",
        figures=stats.count_now(db.session, settings(), now=g.now),
        sign_ins=stats.sign_ins_by_day(db.session, now=g.now),
        refreshes=stats.refreshes_by_day(db.session, now=g.now),
        health=stats.examine(db.session),
        alarms=alarms,
        charts=charts,
        yesterday=(g.now - timedelta(days=1)).date(),
    )


# --- sessions --------------------------------------------------------------------------------------------


@pages.get("/sessions")
@administrator_required
def sessions() -> ResponseReturnValue:
    query = read_filters(SessionsQuery, page="admin.sessions", label="All sessions")
    page = _find_sessions(query, query.position, PAGE)
    kept = session.pop(TICKED, ())
    ticked = kept if g.auth.is_fresh(g.now) else ()  # who has given no password has thought better of it
    return render_template("admin/sessions.html", query=query, page=page, ticked=ticked, device_name=device_name)


@pages.get("/sessions.csv")
@administrator_required
@fresh_sign_in_required
def sessions_csv() -> ResponseReturnValue:
    query = read_query(SessionsQuery, of_form=True).whole()
    header = ("session", "user id", "address", "active", "device", "ip", "transport", "created", "last seen", "expires")
    rows = (
        (
            row.session.id,
            row.session.user_id,
            row.email,
            row.is_active,
            row.session.user_agent,
            row.session.ip,
            row.session.transport,
            row.session.created_at,
            row.session.last_seen_at,
            row.session.expires_at,
        )
        for row in read_all(db.session, partial(_find_sessions, query))
    )
    return _export("sessions", query, header, rows)


def _find_sessions(query: SessionsQuery, position: Position, size: int) -> Page[session_list.Listed]:
    return session_list.find_sessions(
        db.session,
        settings(),
        state=query.state,
        user_id=user_id_of(db.session, query.user),
        ip=query.ip,
        device=query.device,
        position=position,
        size=size,
        now=g.now,
    )


@pages.post("/sessions/end")
@administrator_required
def end_sessions() -> ResponseReturnValue:
    """End the sessions that are ticked, or the one whose button was pressed. The ticks outlive the password that is
    asked for before."""
    refuse_repeated_parameters(but="sid")
    sids = list(islice(filter(is_storable, request.form.getlist("sid")), MOST_AT_ONCE))
    target = own_path(request.form.get("next"), default=url_for("admin.sessions"))
    if not g.auth.is_fresh(g.now) and target.startswith(url_for("admin.sessions")):
        # No more than the page can have, which a cookie can hold.
        session[TICKED] = [sid for sid in sids[:PAGE] if re.fullmatch(SESSION_ID, sid)]
    require_fresh_sign_in()
    who = {"actor_id": g.auth.user.id, "sid": g.auth.sid, "client": g.client, "now": g.now}
    count = administration.carry_out(db.session, administration.end_sessions, sids=sids, **who)
    flash(_ended(count, len(sids)), "success" if count else "info")
    return redirect(target, 303)


def _ended(count: int, asked: int) -> str:
    if not asked:
        return "No session was ticked."
    if not count:
        return "That had ended already."
    return f"Ended {count} session{'' if count == 1 else 's'}. The next request of each will be refused."


# --- events ----------------------------------------------------------------------------------------------


@pages.get("/events")
@administrator_required
def events() -> ResponseReturnValue:
    query = read_filters(EventsQuery, page="admin.events", label="All events")
    page = _find_events(query, query.position, PAGE)
    return render_template("admin/events.html", query=query, page=page, kinds=list(audit.Kind), device_name=device_name)


@pages.get("/events.csv")
@administrator_required
@fresh_sign_in_required
def events_csv() -> ResponseReturnValue:
    query = read_query(EventsQuery, of_form=True).whole()
    header = ("at", "event", "user id", "address", "actor id", "actor", "ip", "device", "session", "request", "detail")
    rows = (
        (
            row.event.at,
            row.event.kind,
            row.event.user_id,
            row.email,
            row.event.actor_id,
            row.actor_email,
            row.event.ip,
            row.event.user_agent,
            row.event.session_id,
            row.event.request_id,
            json.dumps(row.event.detail, ensure_ascii=False) if row.event.detail else "",
        )
        for row in read_all(db.session, partial(_find_events, query))
    )
    return _export("events", query, header, rows)


def _find_events(query: EventsQuery, position: Position, size: int) -> Page[event_list.Listed]:
    return event_list.find_events(
        db.session,
        kind=query.kind,
        user_id=user_id_of(db.session, query.user),
        actor_id=user_id_of(db.session, query.actor),
        ip=query.ip,
        session_id=query.session,
        since=query.since,
        until=query.until,
        position=position,
        size=size,
    )


def _export(
    name: str, query: SessionsQuery | EventsQuery, header: tuple[str, ...], rows: Iterator[tuple[object, ...]]
) -> ResponseReturnValue:
    who = {"actor_id": g.auth.user.id, "client": g.client, "now": g.now}
    administration.note_export(db.session, what=name, filters=to_note(db.session, query), **who)
    return csv_answers.answer(f"{name}-{g.now:%Y-%m-%d}", header, rows)
