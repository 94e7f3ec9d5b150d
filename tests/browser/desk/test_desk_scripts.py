"""What people and programs call themselves is text on every page of the desk, never a script (Z10).

Each test's `watch` fails it for a dialog, a policy violation and any line in the console."""

import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.desk_pages import address_of, change
from tests.browser.desk_past import name_passkey, replay, sign_in_program
from tests.browser.site import Person, Site, enter
from tests.browser.stored_scripts import AGENTS, INJECTED, NAMES
from tests.browser.watch import Watch
from tests.support.desk import fitting
from webapp.devices import device_name
from webapp.web.admin_acts import ACTS

# What RFC 5321 lets stand before the @ without quotes.
LOCAL_PARTS = ["{{7*7}}", "'onfocus='alert`1`'autofocus='", "a`${alert`1`}`"]
ATTACKS = [
    *NAMES,
    *AGENTS,
    "' OR 1=1 --",
    "../../etc/passwd",
    "\ud83d\udca9".encode("utf-16", "surrogatepass").decode("utf-16"),
]


@pytest.fixture
def desk(browse: Callable[..., BrowserContext], site: Site, person: Person) -> Page:
    """The administrator's page, which runs scripts here."""
    context = browse(site.url)
    enter(context, site.url, person)
    return context.new_page()


def fail_to_sign_in(site: Site, person: Person, user_agent: str) -> None:
    body = {"email": person.email, "password": "not the password", "transport": "body"}
    reply = requests.post(f"{site.url}/api/login", json=body, headers={"User-Agent": user_agent}, timeout=15)
    assert reply.status_code == 401


def open_harmless(desk: Page, path: str) -> None:
    desk.goto(path)
    assert desk.evaluate(INJECTED) == [], path


def attack(site: Site, number: int) -> tuple[Person, dict[str, str]]:
    """Let somebody with strange names sign in, fail, and be robbed; return who, and what they call their things."""
    names = {key: NAMES[(number * 3 + at) % len(NAMES)] for at, key in enumerate(("first_name", "last_name"))}
    passkey = NAMES[(number * 3 + 2) % len(NAMES)]
    person = site.new_person(LOCAL_PARTS[number % len(LOCAL_PARTS)], **names)
    name_passkey(site, person, passkey)
    agent = AGENTS[number]
    sign_in_program(site, person, agent)
    fail_to_sign_in(site, person, agent)
    replay(site, person, agent)
    return person, {**names, "passkey": passkey, "agent": agent}


@pytest.mark.parametrize("number", range(len(AGENTS)))
def test_what_somebody_calls_themselves_is_shown_as_text_on_every_page(desk: Page, site: Site, number: int) -> None:
    victim, words = attack(site, number)
    device = " on ".join(device_name(words["agent"]))
    main = desk.get_by_role("main")
    open_harmless(desk, "/admin")
    expect(main.get_by_role("link", name=victim.email)).to_be_visible()
    open_harmless(desk, f"/admin/users?{urlencode({'q': victim.email})}")
    expect(main.get_by_role("row").nth(1)).to_contain_text(f"{words['first_name']} {words['last_name']}")
    open_harmless(desk, address_of(site, victim))
    for text in (victim.email, words["first_name"], words["last_name"], words["passkey"], device):
        expect(main).to_contain_text(text)
    expect(main.get_by_role("button", name=f"End the session of {device}, last seen")).to_be_visible()
    for name in ("end-sessions", "deactivate"):
        open_harmless(desk, f"{address_of(site, victim)}/{name}")
        expect(main).to_contain_text(f"For {victim.email}")
    open_harmless(desk, f"/admin/sessions?{urlencode({'state': 'all', 'device': words['agent']})}")
    rows = main.get_by_role("row").filter(has_text=victim.email)
    expect(rows).to_have_count(2)
    expect(rows.get_by_title(words["agent"], exact=True)).to_have_count(2)
    expect(rows.get_by_role("checkbox", name=f"{device} of {victim.email}")).to_have_count(1)
    open_harmless(desk, f"/admin/events?{urlencode({'user': victim.email})}")
    alarm = main.get_by_role("row").filter(has_text="Refresh reuse")
    expect(alarm).to_contain_text(device)
    expect(alarm.get_by_title(words["agent"], exact=True)).to_be_visible()


def test_each_question_before_an_act_names_whom_it_is_about_as_text(desk: Page, site: Site) -> None:
    victim, _ = attack(site, 1)
    for name in ACTS:
        change(site, victim, **fitting(name))
        open_harmless(desk, f"{address_of(site, victim)}/{name}")
        expect(desk.get_by_role("main")).to_contain_text(f"For {victim.email}")


def test_what_is_looked_for_stands_in_its_field_and_nowhere_else(desk: Page) -> None:
    """In links of the page too: to the file, without filters, to its neighbours."""
    fields = {
        "/admin/users": {"q": "Address, name or number"},
        "/admin/sessions": {"user": "User: address or number", "device": "Device, part of its User-Agent"},
        "/admin/events": {"user": "User: address or number", "actor": "Actor: address or number"},
    }
    for (path, labels), attacks in zip(fields.items(), (ATTACKS[at::3] for at in range(3)), strict=True):
        for at, text in enumerate(attacks):
            name = list(labels)[at % len(labels)]
            open_harmless(desk, f"{path}?{urlencode({name: text})}")
            expect(desk.get_by_label(labels[name])).to_have_value(text.strip())
            href = desk.get_by_role("link", name="Download as CSV").get_attribute("href") or ""
            assert re.fullmatch(rf"{path}\.csv\?{name}=[^<>\"\s&#]+", href), href


def test_what_is_no_filter_is_refused_without_being_repeated(desk: Page, watch: Watch) -> None:
    watch.allow_status(400, "/admin/events")
    script = NAMES[0]
    for name in ("kind", "session", "since", "until", "ip", "after", script):
        open_harmless(desk, f"/admin/events?{quote(name)}={quote(script * 3)}")
        expect(desk.get_by_role("main")).not_to_contain_text("alert(1)")


def test_a_list_that_was_looked_for_by_a_script_is_a_file_and_then_an_event(desk: Page, site: Site) -> None:
    """That words were looked for is kept with the event, and the file is none that a browser shows as a page."""
    victim, words = attack(site, 0)
    for path, query in (
        ("users", {"q": words["first_name"]}),
        ("sessions", {"device": words["agent"], "state": "all"}),
        ("events", {"user": victim.email}),
    ):
        reply = desk.context.request.get(f"{site.url}/admin/{path}.csv?{urlencode(query)}")
        assert reply.ok
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert reply.headers["content-disposition"].startswith("attachment; ")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert victim.email in reply.text()
        open_harmless(desk, "/admin/events?kind=exported")
        exported = desk.get_by_role("row").filter(has_text="Exported")
        expect(exported.first).to_be_visible()
        expect(exported.filter(has_text=words["first_name"])).to_have_count(0)
