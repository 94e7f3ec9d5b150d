"""Two-step sign-in is set up by the pages; pyotp is the phone."""

import re
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
import segno
from playwright.sync_api import Page, expect

from tests.browser.account_pages import ON_ACCOUNT, give_code, give_password, shown_codes
from tests.browser.mail_sink import MailedSite
from tests.browser.site import Person, enter

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
pytestmark = pytest.mark.usefixtures("wrong_codes")


def begin(page: Page) -> str:
    """Set two-step sign-in up as far as the first code; return the key that the page shows."""
    page.goto("/account/security")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("heading", level=1, name="Set up two-step sign-in")).to_be_visible()
    return page.locator(".secret code").inner_text()


def turn_on(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Turn it on").click()


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
    press_and_read(visitor, "Copy the key", "Copied.")
    assert visitor.evaluate("navigator.clipboard.readText()").replace(" ", "") == phone.secret
    turn_on(visitor, phone.now())
    codes = shown_codes(visitor)
    press_and_read(visitor, "Copy", "Copied.")
    assert visitor.evaluate("navigator.clipboard.readText()").split() == codes
    visitor.get_by_role("button", name="Print").click()
    assert visitor.evaluate("window.prints") == 1
    visitor.evaluate(FORBID_COPYING)
    visitor.set_viewport_size({"width": 360, "height": 740})
    press_and_read(visitor, "Copy", "Not copied. Select the text instead.")


def press_and_read(page: Page, button: str, words: str) -> None:
    """What the button says can be seen, and moves nothing."""
    expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()  # the script brings it
    height = page.evaluate("document.documentElement.scrollHeight")
    page.get_by_role("button", name=button, exact=True).click()
    said = page.get_by_role("status").filter(has_text=words)
    expect(said).to_have_text(words)
    assert said.evaluate("(said) => said.clientWidth") > len(words), "as wide as its words, not one pixel"
    assert page.evaluate("document.documentElement.scrollHeight") == height


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
