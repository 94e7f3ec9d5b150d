"""Two-step sign-in by the pages; pyotp is the phone."""

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
import segno
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.account_pages import turn_on_second_factor
from tests.browser.mail_sink import MailedSite, serve_with_mail
from tests.browser.site import Person, enter, fill_in, refresh_cookie, submit
from tests.browser.watch import Watch

Phone = tuple[pyotp.TOTP, list[str]]  # and the recovery codes
Browse = Callable[..., BrowserContext]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ON_ACCOUNT = re.compile(r"^\w+://[^/]+/account$")
ON_CODE = re.compile(r"/login/code$")
READ_QR = """async (image) => {
    const picture = await createImageBitmap(image);
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, picture.width, picture.height);
    return [width, height, [...data].filter((_, index) => index % 4 === 0).map((red) => (red < 128 ? 1 : 0))];
}"""
FORBID_COPYING = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
}"""
COUNT_PRINTS = "window.prints = 0; window.print = () => { window.prints += 1; };"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailedSite]:
    with serve_with_mail(tmp_path_factory.mktemp("second-factor")) as site:
        yield site


@pytest.fixture
def elsewhere(browse: Browse, site: MailedSite, person: Person) -> Page:
    """Another browser in which `person` is signed in."""
    context = browse(site.url, user_agent=FIREFOX)
    enter(context, site.url, person)
    return context.new_page()


@pytest.fixture(autouse=True)
def _wrong_codes(watch: Watch) -> None:
    """Most tests try one."""
    watch.allow_status(422, "/login/code")
    watch.allow_status(422, "/account/security/totp")


@pytest.fixture
def phone(person: Person, site: MailedSite) -> Phone:
    """`person` has two-step sign-in on: their phone, and their recovery codes. The present code is unused."""
    return turn_on_second_factor(site.app, person)


def give_password(page: Page, person: Person, path: str = "/login") -> None:
    page.goto(path)
    fill_in(page, person)
    submit(page)
    expect(page).to_have_url(ON_CODE)


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Go on").click()


def begin(page: Page) -> str:
    """Set two-step sign-in up as far as the first code; return the key that the page shows."""
    page.goto("/account/security")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("heading", level=1, name="Set up two-step sign-in")).to_be_visible()
    return page.locator(".secret code").inner_text()


def turn_on(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Turn it on").click()


def shown_codes(page: Page) -> list[str]:
    expect(page.get_by_role("heading", level=1, name="Your recovery codes")).to_be_visible()
    return page.locator("pre").inner_text().split()


# --- setting it up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_js", [True, False], ids=["js", "no-js"], indirect=True)
def test_it_is_set_up_by_a_page_and_then_signing_in_asks_for_a_code(
    visitor: Page, elsewhere: Page, person: Person, site: MailedSite, has_js: bool
) -> None:
    """P10, P12, P14: a wrong code turns nothing on; the code that did is spent, ten codes are shown, once, and
    sessions from before, which have shown a password only, end. Without JavaScript no button does nothing."""
    enter(visitor.context, site.url, person)
    key = begin(visitor)
    expect(visitor.get_by_role("button", name=re.compile("Copy"))).to_be_visible(visible=has_js)
    phone = pyotp.TOTP(key.replace(" ", ""))
    uri = visitor.get_by_role("link", name="Open it in your app").get_attribute("href") or ""
    assert uri.startswith("otpauth://totp/")
    assert parse_qs(urlsplit(uri).query)["secret"] == [phone.secret]
    assert person.email in unquote(uri)
    wrong = "000000" if phone.now() != "000000" else "000001"
    turn_on(visitor, wrong)
    expect(visitor.get_by_role("alert").filter(has_text="That code is not right.")).to_be_visible()
    assert visitor.locator(".secret code").inner_text() == key
    used = phone.now()
    turn_on(visitor, f"{used[:3]} {used[3:]}")
    codes = shown_codes(visitor)
    assert len(set(codes)) == 10
    expect(visitor.get_by_role("button", name=re.compile("Copy|Print"))).to_have_count(2 if has_js else 0)
    elsewhere.goto("/account")
    expect(elsewhere.get_by_role("status").filter(has_text="Two-step sign-in was turned on.")).to_be_visible()
    site.mails.take(person.email, "Two-step sign-in is on")

    visitor.get_by_role("link", name="I have kept them").click()
    expect(visitor.get_by_text("You have 10 recovery codes left.")).to_be_visible()
    assert not any(code in visitor.content() for code in codes)
    visitor.context.clear_cookies()
    give_password(visitor, person)
    give_code(visitor, used)
    expect(visitor.get_by_role("alert")).to_be_visible()
    give_code(visitor, phone.at(int(time.time()), counter_offset=1))
    expect(visitor).to_have_url(ON_ACCOUNT)


def test_the_picture_is_the_qr_code_of_the_key_and_buttons_copy_and_print(
    visitor: Page, person: Person, site: MailedSite
) -> None:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    visitor.add_init_script(COUNT_PRINTS)
    enter(visitor.context, site.url, person)
    phone = pyotp.TOTP(begin(visitor).replace(" ", ""))
    check_picture(visitor)
    copied = visitor.get_by_role("status").filter(has_text="Copied.")
    visitor.get_by_role("button", name="Copy the key").click()
    expect(copied).to_be_attached()
    assert visitor.evaluate("navigator.clipboard.readText()").replace(" ", "") == phone.secret
    turn_on(visitor, phone.now())
    codes = shown_codes(visitor)
    visitor.get_by_role("button", name="Copy", exact=True).click()
    expect(copied).to_be_attached()
    assert visitor.evaluate("navigator.clipboard.readText()").split() == codes
    visitor.get_by_role("button", name="Print").click()
    assert visitor.evaluate("window.prints") == 1
    visitor.evaluate(FORBID_COPYING)
    visitor.get_by_role("button", name="Copy", exact=True).click()
    expect(visitor.get_by_role("status").filter(has_text="Select the text instead.")).to_be_attached()


def check_picture(page: Page) -> None:
    """Module for module, against one that is made here of the address that the page links to."""
    uri = page.get_by_role("link", name="Open it in your app").get_attribute("href") or ""
    image = page.get_by_role("img", name=re.compile("QR code"))
    expect(image).to_be_visible()
    width, height, dark = page.evaluate(READ_QR, image.element_handle())
    expected = [[bool(module) for module in row] for row in segno.make(uri, error="m").matrix_iter(border=3)]
    size = width / len(expected)
    assert width == height
    middles = [int((index + 0.5) * size) for index in range(len(expected))]
    assert [[bool(dark[y * width + x]) for x in middles] for y in middles] == expected


def test_after_a_while_setting_it_up_asks_for_the_password_first(
    visitor: Page, person: Person, site: MailedSite
) -> None:
    """P12."""
    enter(visitor.context, site.url, person)
    site.server.move_clock(16 * 60)
    try:
        visitor.goto("/account/security")
        visitor.get_by_role("button", name="Set it up").click()
        expect(visitor.get_by_role("heading", level=1, name="Is it you?")).to_be_visible()
        visitor.get_by_label("Password", exact=True).fill(person.password)
        visitor.get_by_role("button", name="Go on").click()
        expect(visitor).to_have_url(re.compile(r"^\w+://[^/]+/account/security$"))
        begin(visitor)
    finally:
        site.server.move_clock(0)


# --- signing in with it ----------------------------------------------------------------------------------


def test_a_code_leads_where_the_visitor_was_going_and_no_wrong_one_does(
    visitor: Page, person: Person, phone: Phone
) -> None:
    """P14: the password alone opens nothing; what was asked for before the code is kept over it."""
    give_password(visitor, person, "/account/sessions")
    assert refresh_cookie(visitor.context) is None
    totp, _ = phone
    present = totp.now()
    give_code(visitor, "000000" if present != "000000" else "000001")
    alert = visitor.get_by_role("alert")
    expect(alert).to_contain_text("There is a problem")
    expect(visitor.get_by_label("Code", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(alert).to_be_focused()
    assert refresh_cookie(visitor.context) is None
    give_code(visitor, f" {present[:3]} {present[3:]} ")
    expect(visitor).to_have_url(re.compile(r"^\w+://[^/]+/account/sessions$"))


def test_a_recovery_code_signs_in_once_and_new_ones_make_the_rest_worthless(
    visitor: Page, person: Person, phone: Phone, site: MailedSite
) -> None:
    """P13: and the use of one is told of by mail."""
    _, old = phone
    give_password(visitor, person)
    give_code(visitor, old[0].upper())
    expect(visitor).to_have_url(ON_ACCOUNT)
    site.mails.take(person.email, "A recovery code was used")
    visitor.goto("/account/security")
    expect(visitor.get_by_text("You have 9 recovery codes left.")).to_be_visible()
    cookies = visitor.context.cookies()
    visitor.context.clear_cookies()
    give_password(visitor, person)
    expect_refusal(visitor, old[0])
    visitor.context.add_cookies(cookies)  # type: ignore[arg-type]
    visitor.goto("/account/security")
    visitor.get_by_role("button", name="Make new recovery codes").click()
    new = shown_codes(visitor)
    assert len(new) == 10
    assert not set(new) & set(old)
    visitor.context.clear_cookies()
    give_password(visitor, person)
    expect_refusal(visitor, old[1])
    give_code(visitor, new[0])
    expect(visitor).to_have_url(ON_ACCOUNT)


def expect_refusal(page: Page, code: str) -> None:
    give_code(page, code)
    expect(page.get_by_role("alert")).to_be_visible()
    assert refresh_cookie(page.context) is None


def test_it_is_turned_off_with_the_password_and_asks_for_no_code_then(
    visitor: Page, person: Person, phone: Phone, site: MailedSite, watch: Watch
) -> None:
    """P12: a session alone does not take it away."""
    watch.allow_status(422, "/account/security/totp/remove")
    login = {"email": person.email, "password": person.password, "code": phone[0].now(), "transport": "cookie"}
    assert visitor.context.request.post("/api/login", data=login).ok
    visitor.goto("/account/security")
    visitor.get_by_role("link", name="Turn it off").click()
    for password in ("not the password", person.password):
        visitor.get_by_label("Password", exact=True).fill(password)
        visitor.get_by_role("button", name="Turn it off").click()
        if password != person.password:
            expect(visitor.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    expect(visitor.get_by_role("status").filter(has_text="Two-step sign-in is off.")).to_be_visible()
    site.mails.take(person.email, "Two-step sign-in is off")
    visitor.context.clear_cookies()
    visitor.goto("/login")
    fill_in(visitor, person)
    submit(visitor)
    expect(visitor).to_have_url(ON_ACCOUNT)
