"""The user's own sessions, for programs: list them, end one, end all others."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from webapp import revocation
from webapp.database import db
from webapp.devices import Device, list_devices
from webapp.errors import NotFound
from webapp.web import guard
from webapp.web.answers import DeviceAnswer, DevicesAnswer
from webapp.web.context import settings
from webapp.web.credentials import clear_dead_cookie

sessions_api = Blueprint("sessions_api", __name__)


@sessions_api.get("/sessions")
@guard.access_required
def index() -> ResponseReturnValue:
    devices = list_devices(db.session, settings(), user_id=g.auth.user.id, current_sid=g.auth.sid, now=g.now)
    return DevicesAnswer(items=[_answer(device) for device in devices]).respond()


@sessions_api.delete("/sessions/<session_id:sid>")
@guard.access_required
def end(sid: str) -> ResponseReturnValue:
    if sid != g.auth.sid:
        guard.require_fresh_sign_in()
    who = {"asked_by": g.auth.sid, "user_id": g.auth.user.id, "client": g.client, "now": g.now}
    if not revocation.end_own_session(db.session, sid=sid, **who):
        raise NotFound("You have no active session with this id.")
    response = Response(status=204)
    if sid == g.auth.sid:
        guard.withhold_renewal()
        clear_dead_cookie(response, {(sid, g.auth.user.id)})
    return response


@sessions_api.delete("/sessions")
@guard.access_required
@guard.fresh_sign_in_required
def end_others() -> ResponseReturnValue:
    revocation.end_other_sessions(db.session, keep_sid=g.auth.sid, user_id=g.auth.user.id, client=g.client, now=g.now)
    return Response(status=204)


def _answer(device: Device) -> DeviceAnswer:
    return DeviceAnswer(
        id=device.id,
        device=f"{device.family} on {device.system}",
        browser=device.family,
        system=device.system,
        address=device.address,
        place=device.place,
        activity=device.activity,
        transport=device.transport,
        created_at=device.created_at,
        last_seen_at=device.last_seen_at,
        expires_at=device.expires_at,
        current=device.is_current,
    )
