"""The administrators' desk: people with a past to look at, and journeys over its pages (see account_journeys.py)."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from tests.browser.account_pages import Guest, expect_heading, user_id_of
from tests.browser.site import Person, Site
from webapp import throttle
from webapp.audit import Kind
from webapp.clock import utc_now
from webapp.database import db
from webapp.models import AuditEvent, AuthSession, Passkey, SessionRefresh, User
from webapp.web.admin_acts import ACTS

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "evergreen-phone/2 CFNetwork/1408.0.4 Darwin/22.5.0"
PAST_FRESHNESS = 16 * 60  # seconds
ENDED_BY_OPERATOR = "An administrator ended your session."
NOBODY = "nobody-of-that-name"
TITLES = {
    "/admin": "Overview",
    "/admin/users": "Users",
    "/admin/sessions": "Sessions",
    "/admin/events": "Events",
    "403": "This page is for administrators",
    "404": "There is nothing here",
    "400": "The query string is not valid",
    "/account/confirm": "Is it you?",
    **{name: act.label for name, act in ACTS.items()},
}


def new_administrator(site: Site) -> Person:
    return site.new_person("desk", first_name="Ada", last_name="Admin", is_admin=True)


def id_of(site: Site, person: Person) -> int:
    with site.app.app_context():
        return user_id_of(person)


def address_of(site: Site, person: Person) -> str:
    """Return the path of the person's page on the desk."""
    return f"/admin/users/{id_of(site, person)}"


def change(site: Site, person: Person, **values: object) -> None:
    """Change the person's row behind the product's back."""
    with site.app.app_context():
        db.session.execute(update(User).where(User.email == person.email).values(values))
        db.session.commit()


# --- a past ------------------------------------------------------------------------------------------------


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


# --- journeys ----------------------------------------------------------------------------------------------


def open_all_details(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def watching(guest: Guest) -> Iterator[str]:
    """The overview, the users, and one of them."""
    troubled = give_troubles(guest)
    guest.enter()
    page = guest.page
    page.goto("/admin")
    open_all_details(page)
    yield "/admin"
    page.goto("/admin/users")
    yield "/admin/users"
    page.goto(f"/admin/users?q={NOBODY}&state=locked")
    expect(page.get_by_text("No user matches.")).to_be_visible()
    yield "/admin/users none"
    page.goto(address_of(guest.site, troubled))
    expect(page.get_by_text("Ended: reuse")).to_be_visible()
    open_all_details(page)
    expect(page.get_by_text("an old token came back, and the session was ended")).to_be_visible()
    yield troubled.email
    fresh = guest.site.new_person()
    page.goto(address_of(guest.site, fresh))
    expect(page.get_by_text("This user has never signed in")).to_be_visible()
    yield fresh.email


def listing(guest: Guest) -> Iterator[str]:
    """Sessions and events, with rows and without."""
    troubled = give_troubles(guest)
    guest.enter()
    page = guest.page
    for path, query, none in (
        ("/admin/sessions", "state=all", "No session matches."),
        ("/admin/events", f"user={troubled.email}", "No event matches."),
    ):
        page.goto(f"{path}?{query}")
        expect(page.get_by_role("link", name=troubled.email).first).to_be_visible()
        yield path
        page.goto(f"{path}?ip=192.0.2.200")
        expect(page.get_by_text(none)).to_be_visible()
        yield f"{path} none"


def acting(guest: Guest) -> Iterator[str]:
    """What each act asks before it is done, and the last one, which is typed, again."""
    guest.enter()
    path = address_of(guest.site, give_troubles(guest))
    for name in ACTS:
        guest.page.goto(f"{path}/{name}")
        yield name
    guest.fill("Type the address to confirm", "somebody else")
    guest.press_in_vain("Deactivate", f"{path}/deactivate")
    yield "deactivate refused"


def being_turned_away(guest: Guest) -> Iterator[str]:
    """What is no administrator's, nobody's, no filter's; and the password once more."""
    page, path = guest.page, address_of(guest.site, guest.site.new_person())
    guest.enter()
    guest.watch.allow(r"Failed to load resource: .* status of 40[04] .*/admin/(users|events)")
    page.goto("/admin/users/999999999")
    expect(page.get_by_role("link", name="All users")).to_be_visible()
    yield "404"
    page.goto("/admin/events?since=yesterday")
    expect(page.get_by_role("link", name="All events")).to_be_visible()
    yield "400"
    guest.site.server.move_clock(PAST_FRESHNESS)
    try:
        page.goto(f"{path}/deactivate")
        expect(page).to_have_url(re.compile(r"/account/confirm\?next="))
        yield "/account/confirm"
    finally:
        guest.site.server.move_clock(0)
    change(guest.site, guest.person, is_admin=False)
    guest.watch.allow_status(403, path)
    page.goto(path)
    expect_heading(page, TITLES["403"])
    yield "403"


JOURNEYS: list[Callable[[Guest], Iterator[str]]] = [watching, listing, acting, being_turned_away]
