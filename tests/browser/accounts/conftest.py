"""Fixtures of what one does with an account: a server of each file's own, whose mail is read, and who is signed in."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.account_pages import Phone, turn_on_second_factor
from tests.browser.mail_sink import MailedSite, serve_with_mail
from tests.browser.site import FIREFOX, Person, enter
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailedSite]:
    with serve_with_mail(tmp_path_factory.mktemp("accounts")) as site:
        yield site


@pytest.fixture
def member(visitor: Page, person: Person, site: MailedSite) -> Page:
    """The visitor's page, with `person` signed in."""
    enter(visitor.context, site.url, person)
    return visitor


@pytest.fixture
def elsewhere(browse: Browse, site: MailedSite, person: Person) -> Page:
    """Another browser in which `person` is signed in."""
    context = browse(site.url, user_agent=FIREFOX)
    enter(context, site.url, person)
    return context.new_page()


@pytest.fixture
def wrong_codes(watch: Watch) -> None:
    """What the browser says of them is expected; most tests of a file try one."""
    watch.allow_status(422, "/login/code")
    watch.allow_status(422, "/account/security/totp")


@pytest.fixture
def phone(person: Person, site: MailedSite) -> Phone:
    """`person` has two-step sign-in on: their phone, and their recovery codes. The present code is unused."""
    return turn_on_second_factor(site.app, person)
