"""A double click on a form's button is one: the answer is the first one's, which says what was done."""

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.account_pages import NEW_PASSWORD
from tests.browser.site import Person


def press_twice(page: Page, button: Locator, path: str) -> None:
    """Press a form's button again before the server has it, by whom it is to be sent to `path` once."""
    held: list[Route] = []
    page.route(f"**{path}", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    button.evaluate("(button) => { button.click(); setTimeout(() => button.click(), 100); }")
    page.wait_for_timeout(200)
    for route in held:
        route.continue_()
    assert len(held) == 1


def test_a_password_is_changed_once_and_nobody_is_told_that_it_is_wrong(member: Page, person: Person) -> None:
    member.goto("/account/security")
    member.get_by_label("Current password", exact=True).fill(person.password)
    member.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    press_twice(member, member.get_by_role("button", name="Change password"), "/account/security/password")
    expect(member.get_by_text("Your password is changed.")).to_be_visible()


def test_an_account_is_deleted_once_and_nobody_is_asked_to_sign_in(member: Page, person: Person) -> None:
    member.goto("/account/delete")
    member.get_by_label("Password", exact=True).fill(person.password)
    press_twice(member, member.get_by_role("main").get_by_role("button").last, "/account/delete")
    expect(member.get_by_text("Your account is deleted.")).to_be_visible()
