"""The keyboard alone: how one gets about with it."""

from playwright.sync_api import Locator, Page, expect

STEPS = 40
FOCUS_IS_SEEN = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


def tab_to(page: Page, target: Locator) -> int:
    """Press Tab until `target` has the focus; return how often. Each place on the way shows that it has it."""
    expect(target).to_be_visible()
    page.wait_for_load_state()  # with its style sheets
    element = target.element_handle()
    for step in range(1, STEPS):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_IS_SEEN), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("(element) => element === document.activeElement", element):
            return step
    raise AssertionError(f"Tab does not reach {target}")
