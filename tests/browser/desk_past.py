"""People with a past, for the administrators' desk to show."""

from datetime import datetime, timedelta

import requests
from sqlalchemy import select, update

from tests.browser.account_pages import Guest, user_id_of
from tests.browser.desk_pages import change
from tests.browser.site import FIREFOX, Person, Site
from webapp import throttle
from webapp.audit import Kind
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuditEvent, AuthSession, Passkey, SessionRefresh, User

PHONE = "evergreen-phone/2 CFNetwork/1408.0.4 Darwin/22.5.0"


def sign_in_program(site: Site, person: Person, user_agent: str) -> str:
    """Sign the person in without a browser; return the refresh token."""
    body = {"email": person.email, "password": person.password, "transport": "body"}
    return str(_post(site, "/api/login", body, user_agent)["refresh_token"])


def replay(site: Site, person: Person, user_agent: str = FIREFOX) -> None:
    """Sign in, refresh a few times, and present the first refresh token again: the session ends with an alarm."""
    token = stolen = sign_in_program(site, person, user_agent)
    for _ in range(3):
        token = _post(site, "/api/refresh", {"refresh_token": token}, user_agent)["refresh_token"]
    assert _post(site, "/api/refresh", {"refresh_token": stolen}, user_agent)["code"] == "token_reused"


def _post(site: Site, path: str, body: dict[str, str], user_agent: str) -> dict[str, str]:
    reply = requests.post(f"{site.url}{path}", json=body, headers={"User-Agent": user_agent}, timeout=15)
    return dict(reply.json())


def give_history(site: Site, person: Person) -> None:
    """Let the person's sessions be nine days old, refreshed now and then, and let sign-ins fail on the days before."""
    now = utc_now()
    with site.app.app_context():
        user_id = user_id_of(person)
        mine = AuthSession.user_id == user_id
        db.session.execute(update(AuthSession).where(mine).values(created_at=now - timedelta(days=9)))
        latest_first = select(AuthSession.id).where(mine).order_by(AuthSession.authenticated_at.desc())
        for number, sid in enumerate(db.session.scalars(latest_first)):
            db.session.add_all(_refreshes(sid, now, number + 2))
        db.session.add_all(_failures(user_id, now))
        db.session.commit()


def _refreshes(sid: str, now: datetime, count: int) -> list[SessionRefresh]:
    moments = [(number, now - timedelta(days=8 - number)) for number in range(min(count, 8))]
    return [
        SessionRefresh(session_id=sid, at=at, method=("silent", "silent", "manual")[number % 3], generation=number + 2)
        for number, at in moments
    ]


def _failures(user_id: int, now: datetime) -> list[AuditEvent]:
    days = [now - timedelta(days=back) for back in (2, 2, 3, 5, 9, 9, 9)]
    client = {"ip": "203.0.113.9", "user_agent": FIREFOX}
    return [AuditEvent(at=at, kind=Kind.SIGN_IN_FAILED, user_id=user_id, detail={}, **client) for at in days]


def give_troubles(guest: Guest, **fields: str) -> Person:
    """Return a new person of whom every part of the desk has something to show."""
    person = guest.site.new_person("troubled", **{"first_name": "Ursula", "last_name": "Unlucky", **fields})
    replay(guest.site, person)
    for agent in (FIREFOX, PHONE):
        sign_in_program(guest.site, person, agent)
    give_history(guest.site, person)
    change(guest.site, person, failed_sign_ins=throttle.FAILURES_IN_A_ROW, email_verified=False)
    name_passkey(guest.site, person, "Laptop with a rather long name of its own")
    return person


def add_users(site: Site, last_name: str, count: int) -> None:
    """Write down so many users of that last name, with addresses by number, in whose accounts nobody can sign in."""
    now = utc_now()
    with site.app.app_context():
        for number in range(count):
            address = f"{last_name.lower()}{number:03}@example.com"
            names = {"first_name": "Row", "last_name": last_name, "email": address, "email_key": address}
            db.session.add(User(**names, password_hash="", created_at=now + timedelta(seconds=number)))
        db.session.commit()


def name_passkey(site: Site, person: Person, name: str) -> None:
    """Write down a passkey of that name, with which nobody can sign in."""
    with site.app.app_context():
        user_id = user_id_of(person)
        row = {"credential_id": f"{user_id}-{name}", "public_key": b"", "sign_count": 0, "created_at": utc_now()}
        db.session.add(Passkey(user_id=user_id, name=name, **row))
        db.session.commit()
