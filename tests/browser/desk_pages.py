"""The administrators' desk: who sees it, and the steps on its pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.browser.account_pages import user_id_of
from tests.browser.site import Person, Site
from webapp.database import db
from webapp.models import User

PAST_FRESHNESS = 16 * 60  # seconds
ENDED_BY_OPERATOR = "An administrator ended your session."
NOBODY = "nobody-of-that-name"
ON_CONFIRM = re.compile(r"/account/confirm\?next=")


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


@contextmanager
def a_while_later(site: Site) -> Iterator[None]:
    site.server.move_clock(PAST_FRESHNESS)
    try:
        yield
    finally:
        site.server.move_clock(0)


def expect_told(desk: Page, what: str) -> None:
    expect(desk.get_by_role("status").filter(has_text=what)).to_be_visible()


def prove_it_is_you(desk: Page, person: Person) -> None:
    expect(desk).to_have_url(ON_CONFIRM)
    desk.get_by_label("Password", exact=True).fill(person.password)
    desk.get_by_role("button", name="Go on").click()
