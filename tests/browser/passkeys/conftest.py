"""Fixtures of the tests of passkeys: a server of each file's own, a device that makes passkeys, and who owns one."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.mail_sink import MailedSite, serve_with_mail
from tests.browser.site import Person, enter
from tests.browser.virtual_authenticator import NO_SUGGESTIONS, VirtualAuthenticator, give_passkey, plug_in

Browse = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailedSite]:
    with serve_with_mail(tmp_path_factory.mktemp("passkeys"), cors_origins="http://localhost:1") as site:
        yield site


@pytest.fixture
def visitor(browse: Browse, site: MailedSite) -> Page:
    """A page of a browser that suggests no passkeys by itself."""
    context = browse(site.url)
    context.add_init_script(NO_SUGGESTIONS)
    return context.new_page()


@pytest.fixture
def device(visitor: Page) -> VirtualAuthenticator:
    return plug_in(visitor)


@pytest.fixture
def owner(visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite) -> Page:
    """The visitor's page, with `person` signed in, who has one passkey, “Laptop”."""
    enter(visitor.context, site.url, person)
    give_passkey(device, site.app, person)
    return visitor
