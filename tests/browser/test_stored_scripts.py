"""What people put into their names and their browser's name is text, never a script (Z10)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.site import Person, Site, enter
from tests.browser.stored_scripts import AGENTS, INJECTED, NAMES
from tests.browser.watch import Watch
from webapp.devices import device_name

PAGES = ["/", "/account", "/account/sessions", "/account/tokens"]


@pytest.mark.parametrize(("first", "last"), list(zip(NAMES[::2], NAMES[1::2], strict=True)), ids=range(len(NAMES) // 2))
def test_a_name_is_shown_as_it_was_typed(
    browse: Callable[..., BrowserContext], site: Site, first: str, last: str
) -> None:
    person = site.new_person(first_name=first, last_name=last)
    context = browse(site.url)
    enter(context, site.url, person)
    page = context.new_page()
    for path in PAGES:
        page.goto(path)
        assert page.evaluate(INJECTED) == []
    page.goto("/account")
    expect(page.get_by_label("First name")).to_have_value(first)
    expect(page.get_by_label("Last name")).to_have_value(last)


@pytest.mark.parametrize("agent", AGENTS, ids=range(len(AGENTS)))
def test_a_browser_may_call_itself_what_it_likes(
    browse: Callable[..., BrowserContext], site: Site, person: Person, agent: str
) -> None:
    strange = browse(site.url, user_agent=agent)
    enter(strange, site.url, person)
    context = browse(site.url)
    enter(context, site.url, person)
    family, system = device_name(agent)
    for visitor in (context, strange):
        page = visitor.new_page()
        page.goto("/account/sessions")
        assert page.evaluate(INJECTED) == []
        expect(page.locator("h2", has_text=f"{family} on {system}")).not_to_have_count(0)


def test_an_address_that_is_a_script_is_not_echoed(
    browse: Callable[..., BrowserContext], site: Site, watch: Watch
) -> None:
    watch.allow("status of (404|422)")
    page = browse(site.url).new_page()
    page.goto("/<script>alert(1)</script>?<script>alert(2)</script>")
    assert page.evaluate(INJECTED) == []
    page.goto("/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    page.get_by_label("Email address").fill('"><script>alert(1)</script>')
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_label("Email address")).to_have_value('"><script>alert(1)</script>')
    assert page.evaluate(INJECTED) == []
