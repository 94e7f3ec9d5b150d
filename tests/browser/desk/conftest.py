"""Fixtures of the tests of the administrators' desk: an administrator, their page, and whom something is done with."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.desk_pages import new_administrator
from tests.browser.site import Person, Site, enter

Browse = Callable[..., BrowserContext]
OpenAccount = Callable[..., Page]


@pytest.fixture
def person(site: Site) -> Person:
    """An administrator; those with whom something is done are others."""
    return new_administrator(site)


@pytest.fixture
def has_js(request: pytest.FixtureRequest) -> bool:
    return bool(getattr(request, "param", False))


@pytest.fixture
def desk(browse: Browse, site: Site, person: Person, has_js: bool) -> Page:
    """The administrator's page, signed in; it runs no scripts unless the test asks for them."""
    context = browse(site.url, java_script_enabled=has_js)
    enter(context, site.url, person)
    return context.new_page()


@pytest.fixture
def victim(site: Site) -> Person:
    return site.new_person("victim", first_name="Vera", last_name="Victim")


@pytest.fixture
def open_account(browse: Browse, site: Site) -> OpenAccount:
    """A function that signs a person in with another browser, and returns its page with the account on it."""

    def open_account(person: Person, **options: Any) -> Page:
        context = browse(site.url, **options)
        enter(context, site.url, person)
        page = context.new_page()
        page.goto("/account")
        return page

    return open_account
