"""Signing in with a passkey in Chromium, with its virtual authenticator, and what must not sign anybody in."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_pages import ON_ACCOUNT, ON_DEVICES, ON_SECURITY, turn_on_second_factor
from tests.browser.mail_sink import MailedSite
from tests.browser.passkey_pages import passkeys_of, sign_out, use_passkey
from tests.browser.site import Person, fill_in, refresh_cookie, submit
from tests.browser.virtual_authenticator import VirtualAuthenticator, give_passkey, plug_in
from tests.browser.watch import Watch

Browse = Callable[..., BrowserContext]
FOREIGN = "http://localhost:9"  # the same site as ours, and so the same passkeys, but not our origin
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
