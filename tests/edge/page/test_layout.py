"""What an owner sees without scrolling; nothing overlaps or overflows."""

from __future__ import annotations

import pytest

from .browser import DESKTOP, PHONE, SMALL_PHONE, Browser
from .running_appliance import RunningAppliance, Visitor

pytestmark = pytest.mark.chromium

LONG_TITLE = "The Extraordinary Adventures of the Lighthouse Keeper\u2019s Granddaughter"
LONG_GENRES = "Documentary, Animation, Adventure"


@pytest.fixture(scope="module", autouse=True)
def _a_pick(appliance: RunningAppliance, browser: Browser):
    """A pick that waits for a decision, and a browser that is signed in."""
    owner = Visitor(appliance.port)
    owner.sign_in(appliance.pin)
    owner.post("/press")
    appliance.wait_for(r"^pick: ")
    browser.sign_in(appliance.address, appliance.pin)
    yield
    browser.dress(DESKTOP, dark=False)


@pytest.mark.parametrize("size", [SMALL_PHONE, PHONE, DESKTOP], ids=["360", "390", "1300"])
@pytest.mark.parametrize("long_title", [False, True], ids=["as it is", "long title"])
def test_the_approve_button_is_above_the_fold(
    appliance: RunningAppliance, browser: Browser, size: tuple[int, int], long_title: bool
):
    browser.dress(size, dark=False)
    with browser.without_javascript():
        browser.get(appliance.address)
        if long_title:
            browser.execute_script(
                "document.getElementById('title').textContent = arguments[0]", LONG_TITLE
            )
        box = browser.execute_script(
            "return document.getElementById('approve').getBoundingClientRect().toJSON()"
        )
    assert 0 <= box["top"] < box["bottom"] <= size[1]
    assert 0 <= box["left"] < box["right"] <= size[0]


@pytest.mark.parametrize("size", [SMALL_PHONE, PHONE, DESKTOP], ids=["360", "390", "1300"])
def test_labels_and_numbers_of_the_slate_never_overlap(
    appliance: RunningAppliance, browser: Browser, size: tuple[int, int]
):
    browser.dress(size, dark=False)
    browser.get(f"{appliance.address}slate")
    browser.execute_script(
        "for (const one of document.querySelectorAll('.grid thead th + th'))"
        "  one.textContent = arguments[0];"
        "for (const one of document.querySelectorAll('.checks.many span'))"
        "  one.textContent = 'Documentary';",
        LONG_GENRES,
    )
    # Where the text itself is, not the box it should be in.
    outside = browser.execute_script(
        "const found = [];"
        "for (const one of document.querySelectorAll('.grid thead th, .checks.many label')) {"
        "  const range = document.createRange(); range.selectNodeContents(one);"
        "  const text = range.getBoundingClientRect(), box = one.getBoundingClientRect();"
        "  if (text.right > box.right + 0.5 || text.left < box.left - 0.5)"
        "    found.push([one.textContent, text.right, box.right]);"
        "}"
        "return found;"
    )
    assert outside == []
    # Each cell's number is whole, on one line and inside its cell.
    broken = browser.execute_script(
        "return [...document.querySelectorAll('.grid .stars-number')].filter((one) => {"
        "  const text = one.getBoundingClientRect();"
        "  const box = one.parentElement.getBoundingClientRect();"
        "  return one.getClientRects().length > 1"
        "    || text.right > box.right || text.left < box.left;"
        "}).map((one) => one.textContent);"
    )
    assert broken == []
    browser.screenshot(f"layout-genres-{size[0]}")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
