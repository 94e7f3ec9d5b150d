"""Passkeys in Chromium, with its virtual authenticator: adding, naming, removing, signing in, and what must not be."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.account_pages import turn_on_second_factor
from tests.browser.mail_sink import MailedSite, serve_with_mail
from tests.browser.site import Person, enter, fill_in, refresh_cookie, submit
from tests.browser.virtual_authenticator import NO_SUGGESTIONS, VirtualAuthenticator, give_passkey, plug_in
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]
FOREIGN = "http://localhost:9"  # the same site as ours, and so the same passkeys, but not our origin
ON_ACCOUNT = re.compile(r"^\w+://[^/]+/account$")
ON_SECURITY = re.compile(r"^\w+://[^/]+/account/security$")
ON_DEVICES = re.compile(r"^\w+://[^/]+/account/sessions$")

# The ceremony of the sign-in page, step by step, so that a test can come between the steps.
SIGN_CHALLENGE = """async ([options, changes]) => {
    const { requestOptions, credentialToJSON } = await import("/static/js/pages/passkey-json.js");
    const publicKey = { ...requestOptions(options), ...changes };
    return credentialToJSON(await navigator.credentials.get({ publicKey }));
}"""
POST_JSON = """async ([path, body]) => {
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return [reply.status, await reply.json()];
}"""


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


def passkeys_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Passkeys").get_by_role("listitem")


def press_add(page: Page, name: str) -> None:
    page.get_by_label("Name of the new passkey").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()


def use_passkey(page: Page) -> None:
    page.get_by_role("button", name="Sign in with a passkey").click()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def call(page: Page, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    status, answer = page.evaluate(POST_JSON, [path, body])
    return status, answer


def sign_challenge(page: Page, **changes: Any) -> dict[str, Any]:
    """Have the server's challenge signed on our own page; return the credential as the page would post it."""
    status, options = call(page, "/api/login/passkey/options", {})
    assert status == 200
    return dict(page.evaluate(SIGN_CHALLENGE, [options, changes]))


def post_credential(page: Page, credential: dict[str, Any]) -> tuple[int, str | None]:
    status, answer = call(page, "/api/login/passkey", {"credential": credential, "transport": "cookie"})
    return status, answer.get("code")


# --- adding, renaming, removing --------------------------------------------------------------------------


def test_a_passkey_is_added_listed_and_mailed_about_and_a_device_holds_one(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    """A name that cannot be seen is refused with words."""
    watch.allow_status(422, "/api/passkeys")
    enter(visitor.context, site.url, person)
    visitor.goto("/account/security")
    press_add(visitor, " ")
    expect(visitor.get_by_role("alert").filter(has_text="characters")).to_be_visible()
    device.forget()
    press_add(visitor, "Laptop")
    expect(passkeys_of(visitor).filter(has_text="Laptop")).to_contain_text("not used yet")
    (credential,) = device.credentials
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"
    site.mails.take(person.email, "A passkey was added")
    press_add(visitor, "Twice")
    message = visitor.get_by_role("alert").filter(has_text="This device has a passkey for your account already.")
    expect(message).to_be_visible()
    visitor.reload()
    expect(passkeys_of(visitor)).to_have_count(1)
    assert len(device.credentials) == 1


def test_a_passkey_added_after_a_form_error_does_not_send_that_form_again(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    """A10: one wrong password is one failure."""
    watch.allow_status(422, "/account/security/password")
    enter(visitor.context, site.url, person)
    visitor.goto("/account/security")
    sent: list[str] = []
    visitor.on("request", lambda request: sent.append(f"{request.method} {request.url.removeprefix(site.url)}"))
    visitor.get_by_label("Current password", exact=True).fill("not the password")
    visitor.get_by_label("New password", exact=True).fill("lantern orbit gravel mitten")
    visitor.get_by_role("button", name="Change password").click()
    expect(visitor.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    press_add(visitor, "Laptop")
    expect(passkeys_of(visitor).filter(has_text="Laptop")).to_be_visible()
    assert sent.count("POST /account/security/password") == 1


def test_a_passkey_is_renamed_and_removed_and_signs_in_no_more(
    owner: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    watch.allow_status(401, "/api/login/passkey")
    owner.goto("/account/security")
    owner.get_by_text("Change Laptop").click()
    passkeys_of(owner).get_by_label("Name").fill("Kitchen")
    owner.get_by_role("button", name="Rename").click()
    expect(owner.get_by_role("status").filter(has_text="The passkey has its new name.")).to_be_visible()
    owner.get_by_text("Change Kitchen").click()
    owner.get_by_role("button", name="Remove Kitchen").click()
    expect(owner.get_by_role("status").filter(has_text="The passkey is removed.")).to_be_visible()
    expect(passkeys_of(owner)).to_have_count(0)
    site.mails.take(person.email, "A passkey was removed")
    assert len(device.credentials) == 1  # the device does not know
    sign_out(owner)
    owner.goto("/login")
    use_passkey(owner)
    expect(owner.get_by_role("alert")).to_be_visible()
    assert refresh_cookie(owner.context) is None


def test_without_javascript_the_pages_offer_no_ceremony_and_say_what_it_needs(
    browse: Browse, person: Person, site: MailedSite
) -> None:
    page = browse(site.url, java_script_enabled=False).new_page()
    page.goto("/login")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    enter(page.context, site.url, person)
    page.goto("/account/security")
    expect(page.get_by_label("Name of the new passkey")).to_be_hidden()
    # Playwright's own search for text passes over <noscript>.
    expect(page.locator("noscript p", has_text="Adding a passkey needs JavaScript.")).to_be_visible()


def test_after_a_while_adding_one_asks_for_the_password_and_leads_back(
    visitor: Page, device: VirtualAuthenticator, person: Person, site: MailedSite, watch: Watch
) -> None:
    """V08, P12: a session left open must not be turned into a key to the account."""
    watch.allow_status(403, "/api/passkeys/options")
    enter(visitor.context, site.url, person)
    site.server.move_clock(16 * 60)
    try:
        visitor.goto("/account/security")
        press_add(visitor, "Laptop")
        expect(visitor).to_have_url(re.compile(r"/account/confirm\?next=/account/security$"))
        assert device.credentials == []
        visitor.get_by_label("Password", exact=True).fill(person.password)
        visitor.get_by_role("button", name="Go on").click()
        expect(visitor).to_have_url(ON_SECURITY)
        press_add(visitor, "Laptop")
        expect(passkeys_of(visitor)).to_have_count(1)
    finally:
        site.server.move_clock(0)


# --- signing in ------------------------------------------------------------------------------------------


def test_the_button_signs_in_and_leads_where_the_visitor_was_going(owner: Page) -> None:
    """Kept or not, as the checkbox of the form says."""
    for is_kept in (False, True):
        sign_out(owner)
        owner.goto("/account/security")
        owner.get_by_label("Keep me signed in on this device").set_checked(is_kept)
        use_passkey(owner)
        expect(owner).to_have_url(ON_SECURITY)
        cookie = refresh_cookie(owner.context)
        assert cookie is not None
        assert (cookie["expires"] > 0) is is_kept
    expect(passkeys_of(owner)).to_have_count(1)
    expect(passkeys_of(owner)).not_to_contain_text("not used yet")


def test_the_address_field_suggests_the_passkey(browse: Browse, person: Person, site: MailedSite) -> None:
    """Conditional UI: the virtual authenticator takes the suggestion at once."""
    page = browse(site.url).new_page()
    give_passkey(plug_in(page), site.app, person)
    page.goto("/login?next=/account/sessions")
    expect(page).to_have_url(ON_DEVICES)


def test_a_passkey_signs_in_after_a_wrong_password_too(owner: Page, person: Person, watch: Watch) -> None:
    watch.allow_status(422, "/login")
    sign_out(owner)
    owner.goto("/account/sessions")
    fill_in(owner, person, password="not the password")
    submit(owner)
    expect(owner.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    use_passkey(owner)
    expect(owner).to_have_url(ON_DEVICES)


def test_a_passkey_is_both_factors_and_asks_for_no_code(owner: Page, person: Person, site: MailedSite) -> None:
    turn_on_second_factor(site.app, person)
    sign_out(owner)
    owner.goto("/login")
    fill_in(owner, person)
    submit(owner)
    expect(owner).to_have_url(re.compile("/login/code$"))
    owner.goto("/login")
    use_passkey(owner)
    expect(owner).to_have_url(ON_ACCOUNT)


def test_a_finger_that_does_not_fit_signs_nobody_in(owner: Page, device: VirtualAuthenticator, watch: Watch) -> None:
    """Nor does a page that asks the device for less than the server does."""
    watch.allow_status(401, "/api/login/passkey")
    sign_out(owner)
    device.verify_user(False)
    owner.goto("/login")
    use_passkey(owner)
    message = "No passkey was used. Sign in with your password, or try again."
    expect(owner.get_by_role("alert").filter(has_text=message)).to_be_visible()
    credential = sign_challenge(owner, userVerification="discouraged")
    assert post_credential(owner, credential) == (401, "invalid_passkey")
    assert refresh_cookie(owner.context) is None
    device.verify_user(True)
    use_passkey(owner)
    expect(owner).to_have_url(ON_ACCOUNT)


# --- what the server refuses, whatever a page sends --------------------------------------------------------


def test_a_signed_challenge_opens_one_session_and_no_second(owner: Page, watch: Watch) -> None:
    """A replayed credential, and another signature of the same challenge: a challenge works once."""
    watch.allow_status(401, "/api/login/passkey")
    sign_out(owner)
    owner.goto("/login")
    _, options = call(owner, "/api/login/passkey/options", {})
    credential = owner.evaluate(SIGN_CHALLENGE, [options, {}])
    assert post_credential(owner, credential) == (200, None)
    sign_out(owner)
    for replayed in (credential, owner.evaluate(SIGN_CHALLENGE, [options, {}])):
        assert post_credential(owner, replayed) == (401, "invalid_passkey")
    assert refresh_cookie(owner.context) is None


def test_a_signature_for_a_page_of_another_origin_is_refused(owner: Page, watch: Watch) -> None:
    """Phishing from a neighbour: the site's passkeys sign there too, but they say where."""
    watch.allow_status(401, "/api/login/passkey")
    sign_out(owner)
    owner.goto("/login")
    modules = owner.context.request.get("/static/js/pages/passkey-json.js").text()
    _, options = call(owner, "/api/login/passkey/options", {})

    def answer(route: Any) -> None:
        is_script = route.request.url.endswith(".js")
        route.fulfill(
            body=modules if is_script else "<title>Elsewhere</title>",
            content_type="text/javascript" if is_script else "text/html",
        )

    owner.route(f"{FOREIGN}/**", answer)
    owner.goto(f"{FOREIGN}/")
    credential = owner.evaluate(SIGN_CHALLENGE, [options, {}])
    owner.goto("/login")
    assert post_credential(owner, credential) == (401, "invalid_passkey")
