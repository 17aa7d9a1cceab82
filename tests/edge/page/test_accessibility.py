"""The page by keyboard and screen reader, judged by axe-core and by the accessibility tree."""

from __future__ import annotations

import itertools

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from .browser import DESKTOP, PHONE, SMALL_PHONE, Browser
from .running_appliance import RunningAppliance, Visitor
from .test_story import PAGES, fill

pytestmark = pytest.mark.chromium

INTERACTIVE = {"button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox"}


@pytest.fixture(scope="module", autouse=True)
def _lived_in(appliance: RunningAppliance, browser: Browser):
    """Some history, so that every part of every page is there."""
    owner = Visitor(appliance.port)
    owner.sign_in(appliance.pin)
    fill(appliance, owner)
    with appliance.journal() as journal:
        asked = journal.pending_requests("verify")[0]
        journal.finish_request(asked.seq, {"outcome": "differed", "worst_difference": 1.0})
        journal.quarantine(journal.peek_outbox(1)[0].id, "`stars` is 11")
    browser.sign_in(appliance.address, appliance.pin)
    browser.wait(lambda: "Warning" in browser.find("#notices").text)


@pytest.mark.parametrize(
    ("size", "dark"), [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (SMALL_PHONE, True)]
)
def test_axe_core_finds_nothing(
    appliance: RunningAppliance, browser: Browser, size: tuple[int, int], dark: bool
):
    browser.dress(size, dark=dark)
    for path in PAGES.values():
        browser.get(f"{appliance.address}{path}")
        # At once: a live page may replace what was found before.
        browser.execute_script("document.querySelectorAll('details').forEach((d) => d.open = true)")
        assert browser.axe() == [], path
    browser.dress(DESKTOP, dark=False)


def test_axe_core_finds_nothing_on_the_sign_in_and_in_errors(
    appliance: RunningAppliance, browser: Browser
):
    browser.get(f"{appliance.address}nowhere")
    assert browser.axe() == []
    browser.get(f"{appliance.address}slate")
    browser.find("input[value=space]").click()
    browser.find("input[name=first]").send_keys("last year")
    browser.find("button[name=use]").click()
    browser.wait(lambda: "whole number" in " ".join(browser.texts("[role=alert]")))
    assert browser.axe() == []
    kept = browser.get_cookie("greenlight")
    browser.delete_cookie("greenlight")
    browser.get(appliance.address)
    assert browser.axe() == []
    browser.add_cookie(kept)


@pytest.mark.parametrize("name", PAGES)
def test_a_screen_reader_gets_names_landmarks_and_headings_in_order(
    appliance: RunningAppliance, browser: Browser, name: str
):
    browser.get(f"{appliance.address}{PAGES[name]}")
    tree = browser.tree()
    roles = [node["role"] for node in tree]
    assert [roles.count(role) for role in ("banner", "navigation", "main", "contentinfo")] == [
        1
    ] * 4
    assert [n for n in tree if n["role"] in INTERACTIVE and not n["name"].strip()] == []
    headings = browser.find_elements("css selector", "h1, h2, h3, h4")
    levels = [int(one.tag_name[1]) for one in headings]
    assert roles.count("heading") == len(levels)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    # A chart without words would be nothing to a screen reader.
    charts = [node for node in tree if node["role"] in ("image", "img", "graphics-document")]
    assert all(node["name"] and node["description"] for node in charts)
    assert len(charts) == {"pick": 1, "what if": 1, "history": 1, "sync": 1}.get(name, 0)
    assert browser.texts("nav a[aria-current=page]") == [name.capitalize()]


def test_the_slate_is_a_table_whose_cells_say_their_row_and_column(
    appliance: RunningAppliance, browser: Browser
):
    browser.get(f"{appliance.address}slate")
    roles = [node["role"] for node in browser.tree()]
    assert roles.count("table") == 1
    # Three genre sets where the model can tell two years apart, four otherwise.
    sets = len(browser.texts(".grid thead th")) - 1
    assert sets in (3, 4)
    assert roles.count("columnheader") == sets + 1
    assert roles.count("rowheader") >= 9
    assert len(browser.texts(".grid td")) >= 9 * sets - sets


def test_changes_of_state_are_announced_in_place(appliance: RunningAppliance, browser: Browser):
    browser.get(appliance.address)
    browser.wait_until_live()
    region = browser.find("#standing")
    assert region.get_attribute("role") == "status"
    before = len(appliance.lines)
    appliance.command("press")
    appliance.wait_for(r"^pick: ", before)
    looks = "return Number(document.documentElement.dataset.looks)"
    browser.wait(lambda: browser.execute_script(looks) > 1)
    # The very element stays; only its words change, or nothing would be read out.
    assert browser.find("#standing") == region


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", {"approve", "press"}),
        ("history", {"Download everything as CSV"}),
        ("model", {"Read the report"}),
        ("sync", {"Synchronise and verify now", "retry"}),
    ],
)
def test_everything_is_reached_with_the_keyboard_in_the_order_it_is_read(
    appliance: RunningAppliance, browser: Browser, path: str, expected: set[str]
):
    browser.get(f"{appliance.address}{path}")
    visited = []
    for _ in range(60):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        here = browser.switch_to.active_element
        if here.tag_name == "body" or (visited and here == visited[0]):
            break
        outline = here.value_of_css_property("outline-style")
        box = browser.execute_script("return arguments[0].getBoundingClientRect().height", here)
        assert box > 0
        # A radio shows its focus on the number beside it.
        assert outline != "none" or here.get_attribute("type") == "radio"
        visited.append(here)
    assert visited[0].get_attribute("textContent") == "Skip to the content"
    order = browser.execute_script(
        "const all = arguments[0]; return all.every((one, i) => i === 0 ||"
        " (all[i - 1].compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING));",
        visited,
    )
    assert order
    reached = {name for one in visited for name in (one.get_attribute("id"), one.text)}
    assert {*expected, "Sign out"} <= reached


def test_the_report_is_read_and_left_with_the_keyboard(
    appliance: RunningAppliance, browser: Browser
):
    browser.get(f"{appliance.address}report")
    frame = browser.find("iframe")
    browser.switch_to.frame(frame)
    browser.text("h1")
    browser.switch_to.default_content()
    browser.find("a[href='/report.html']").send_keys(Keys.TAB, Keys.PAGE_DOWN)

    def scrolled() -> bool:
        browser.switch_to.frame(frame)
        try:
            return bool(browser.execute_script("return window.scrollY > 0"))
        finally:
            browser.switch_to.default_content()

    browser.wait(scrolled)

    def left() -> bool:
        ActionChains(browser).send_keys(Keys.TAB).perform()
        return browser.switch_to.active_element.text == "Sign out"

    assert any(left() for _ in range(12))


def test_the_skip_link_leads_past_the_menu(appliance: RunningAppliance, browser: Browser):
    browser.get(appliance.address)
    ActionChains(browser).send_keys(Keys.TAB, Keys.ENTER, Keys.TAB).perform()
    here = browser.switch_to.active_element
    assert browser.execute_script("return arguments[0].closest('main') !== null", here)


def test_touch_targets_are_large_enough_for_a_finger(appliance: RunningAppliance, browser: Browser):
    browser.dress(PHONE, dark=False)
    browser.get(appliance.address)
    small = browser.execute_script(
        "return [...document.querySelectorAll('button, nav a, .stars label')].filter((one) => {"
        " const box = one.getBoundingClientRect(); return box.height < 24 || box.width < 24; })"
        ".map((one) => one.outerHTML)"
    )
    assert small == []
    browser.dress(DESKTOP, dark=False)


def test_text_or_page_can_be_twice_as_large_without_scrolling_sideways(
    appliance: RunningAppliance, browser: Browser
):
    width = "return document.documentElement.scrollWidth"
    for path in (*PAGES.values(), "report"):
        browser.dress(DESKTOP, dark=False)
        browser.get(f"{appliance.address}{path}")
        browser.execute_script("document.documentElement.style.fontSize = '225%'")
        assert browser.execute_script(width) <= DESKTOP[0], path
        # A zoom of 200% halves the pixels that a page has.
        half = (DESKTOP[0] // 2, DESKTOP[1] // 2)
        browser.dress(half, dark=False)
        browser.execute_script("document.documentElement.style.fontSize = ''")
        assert browser.execute_script(width) <= half[0], path
    browser.dress(DESKTOP, dark=False)


def test_the_longest_name_breaks_before_the_screen_does(
    appliance: RunningAppliance, browser: Browser
):
    browser.dress(PHONE, dark=False)
    names = "h1, h2, .by strong, .what span, .reasons tr + tr th, .name, .lead, .director, .quiet"
    with browser.without_javascript():
        for path in PAGES.values():
            browser.get(f"{appliance.address}{path}")
            browser.execute_script(
                f"for (const one of document.querySelectorAll('{names}'))"
                " one.textContent = 'Donaudampfschifffahrtsgesellschaftskapitänsmütze'.repeat(2)"
            )
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width == PHONE[0], path
    browser.dress(DESKTOP, dark=False)
