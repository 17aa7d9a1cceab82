"""The owner's whole story in a real browser, with screenshots kept in build/screenshots/."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from .browser import DESKTOP, PHONE, SMALL_PHONE, Browser
from .running_appliance import RunningAppliance, Visitor

pytestmark = pytest.mark.chromium

PAGES = {
    "pick": "",
    "slate": "slate",
    "what if": "what-if",
    "history": "history",
    "model": "model",
    "sync": "sync",
}
LOOKS = {
    "desktop-light": (DESKTOP, False),
    "desktop-dark": (DESKTOP, True),
    "small-phone-light": (SMALL_PHONE, False),
    "small-phone-dark": (SMALL_PHONE, True),
    "phone-light": (PHONE, False),
    "phone-dark": (PHONE, True),
}


def title(browser: Browser) -> str:
    return browser.text("h1")


def test_the_owner_signs_in_picks_approves_and_rates(appliance: RunningAppliance, browser: Browser):
    browser.get(appliance.address)
    browser.screenshot("story-1-sign-in")
    browser.find("#pin").send_keys("00000000", Keys.ENTER)
    # The page before may still be there for a moment.
    browser.wait(lambda: "Wrong PIN" in browser.find("[role=alert]").text)
    browser.find("#pin").send_keys(appliance.pin, Keys.ENTER)

    browser.wait(lambda: title(browser) == "No film has been picked yet")
    browser.screenshot("story-2-no-pick-yet")
    browser.find("#press").click()
    browser.wait(lambda: browser.find_elements("css selector", ".poster"))
    first = title(browser)
    browser.screenshot("story-3-pick")

    browser.find("#approve").click()
    browser.wait(lambda: "once it's made" in browser.find(".decide").text)
    browser.screenshot("story-4-approved")
    browser.find("input[name=stars][value='8']").click()
    browser.find("input[name=rating]").send_keys("8.2")
    browser.find(".rate button").click()
    browser.wait(lambda: "is saved" in browser.find("#done").text)
    browser.wait(lambda: "8.2 stars" in browser.find(".decide").text)
    browser.screenshot("story-5-rated")
    with appliance.journal() as journal:
        entry = journal.history(1)[0]
    assert (entry.pick.title, entry.ratings[0].stars) == (first, 8)
    assert browser.complaints() == []


def test_a_press_of_the_button_shows_on_the_open_page_without_a_reload(
    appliance: RunningAppliance, browser: Browser
):
    browser.sign_in(appliance.address, appliance.pin)
    browser.wait_until_live()
    before = title(browser)
    browser.execute_script("window.stillHere = true")
    appliance.command("press")
    browser.wait(lambda: title(browser) != before)
    browser.wait(lambda: "waiting for your decision" in browser.find("#standing").text)
    assert browser.execute_script("return window.stillHere")
    with appliance.journal() as journal:
        assert title(browser) == journal.waiting_pick().title


def test_live_updates_leave_typed_text_alone(
    appliance: RunningAppliance, browser: Browser, owner: Visitor
):
    with appliance.journal() as journal:
        pick_id = journal.waiting_pick().id
    owner.post("/approve", {"pick_id": pick_id})
    browser.get(appliance.address)
    browser.wait_until_live()
    browser.find("input[name=rating]").send_keys("7.")
    looks = "return Number(document.documentElement.dataset.looks || 0)"
    seen = browser.execute_script(looks)
    appliance.command("press")
    browser.wait(lambda: browser.execute_script(looks) > seen)
    browser.wait(lambda: "waiting for your decision" in browser.find("#standing").text)
    assert browser.find("input[name=rating]").get_attribute("value") == "7."


def test_directors_are_chosen_by_typing_and_the_slate_is_narrowed_with_the_keyboard(
    appliance: RunningAppliance, browser: Browser, owner: Visitor
):
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(f"{appliance.address}slate")
    field = browser.find("#who")
    field.send_keys("varda")
    browser.wait(lambda: len(browser.texts("#who-matches li")) == 5)
    browser.screenshot("story-6-search-as-you-type")
    field.send_keys(Keys.ARROW_DOWN)
    marked = field.get_attribute("aria-activedescendant")
    assert browser.find(f"#{marked}").get_attribute("aria-selected") == "true"
    chosen = browser.text(f"#{marked} span")
    field.send_keys(Keys.ENTER)
    assert browser.texts("#chosen li") == [chosen]
    field.send_keys("oshima")
    browser.wait(lambda: browser.texts("#who-matches li"))
    field.send_keys(Keys.ESCAPE)
    assert not browser.find("#who-matches").is_displayed()
    browser.find("input[name=first]").send_keys("1980")
    browser.find("input[value=Drama]").send_keys(Keys.SPACE)
    browser.find("input[name=plausible]").send_keys(Keys.SPACE)
    browser.find("button[name=use]").send_keys(Keys.ENTER)
    browser.wait(lambda: "next press chooses" in browser.find("#done").text)
    said = len(appliance.lines)
    appliance.command("press")
    found = appliance.wait_for(r"^pick: .* by (.+), (\d+), (.+);", said)
    assert found[1] == chosen
    assert int(found[2]) >= 1980
    browser.get(f"{appliance.address}slate")
    assert len(browser.texts(".tiles li")) >= 1
    browser.screenshot("story-7-narrowed")
    owner.post("/narrow", {"draw": "next", "kind": "film", "plausible": "yes"})


def test_without_javascript_one_can_read_rate_and_narrow(
    appliance: RunningAppliance, browser: Browser, owner: Visitor
):
    with browser.without_javascript():
        browser.sign_in(appliance.address, appliance.pin)
        browser.find("#press").click()
        browser.wait(lambda: browser.find_elements("css selector", "#approve"))
        browser.find("#approve").click()
        # The old page, which has such a field too, may still be there for a moment.
        browser.wait(lambda: "Approved" in browser.find("#done").text)
        browser.find("input[name=stars][value='6']").click()
        browser.find(".rate button").click()
        browser.wait(lambda: "is saved" in browser.find("#done").text)
        browser.get(f"{appliance.address}slate")
        browser.find("#who").send_keys("almod")
        browser.find("#find").click()
        browser.wait(lambda: len(browser.texts("input[name=director] + span")) == 5)
        browser.find("input[name=director]").click()
        browser.find("input[value=space]").click()
        browser.find("button[name=use]").click()
        browser.wait(lambda: "next press chooses" in browser.find("#done").text)
        assert len(browser.texts("#chosen li")) == 1
        browser.find("input[value=classic]").click()
        browser.find("button[name=use]").click()
        for path in PAGES.values():
            browser.get(f"{appliance.address}{path}")
            assert title(browser)
            assert not browser.is_live()
    owner.post("/narrow", {"draw": "next", "kind": "film", "plausible": "yes"})


def test_a_new_model_and_its_figures_are_shown(
    appliance: RunningAppliance, browser: Browser, make_bundle: Callable[[int], Path]
):
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(f"{appliance.address}model")
    browser.wait_until_live()
    assert title(browser) == "Model version 1"
    appliance.give_model(make_bundle(2))
    browser.wait(lambda: title(browser) == "Model version 2")
    assert "Version 2 replaced version 1" in browser.text("#model")


def test_the_state_of_delivery_is_shown_in_words(appliance: RunningAppliance, browser: Browser):
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(f"{appliance.address}sync")
    browser.wait_until_live()
    now = datetime.now(UTC)
    with appliance.journal() as journal:
        journal.set_sync_state(
            "connection",
            {
                "state": "offline",
                "since": (now - timedelta(hours=2)).isoformat(),
                "next_try_at": (now + timedelta(seconds=90)).isoformat(),
                "reason": "the broker is not reached",
            },
        )
        journal.quarantine(journal.peek_outbox(1)[0].id, "`thing` is another's")
    browser.wait(lambda: "offline for 2 h" in browser.find("#sync .lead").text)
    assert re.search(
        r"1 rating rejected by the cloud, (\d+ ratings? waiting, )?offline for 2 h, "
        r"next try in \d+ (s|min)\.",
        browser.text("#sync .lead"),
    )
    assert "`thing` is another's" in browser.text("#rejected")


def test_every_page_on_desktop_and_phone_in_light_and_dark(
    appliance: RunningAppliance, browser: Browser, owner: Visitor
):
    browser.sign_in(appliance.address, appliance.pin)
    fill(appliance, owner)
    for look, (size, dark) in LOOKS.items():
        browser.dress(size, dark=dark)
        for number, (name, path) in enumerate(PAGES.items(), 1):
            browser.get(f"{appliance.address}{path}")
            browser.screenshot(f"{look}-{number}-{name}")
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= size[0], f"{name} is wider than the {look} screen"
    browser.dress(DESKTOP, dark=False)
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["pick", "slate", "history"])
def test_pages_print_on_paper(appliance: RunningAppliance, browser: Browser, name: str):
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(f"{appliance.address}{PAGES[name]}")
    assert browser.printed(f"print-{name}").startswith(b"%PDF-")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        browser.screenshot(f"print-{name}")
        for hidden in browser.find_elements("css selector", "nav, button, input"):
            assert not hidden.is_displayed()
        assert browser.find("h1").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def fill(appliance: RunningAppliance, owner: Visitor) -> None:
    """Make some history: films rated, approved, ignored."""
    for stars in ("7", "5", "9", "", "6", "8", "4", None):
        said = len(appliance.lines)
        owner.post("/press")
        appliance.wait_for(r"^pick: ", said)
        if stars is None:
            continue
        with appliance.journal() as journal:
            pick_id = journal.waiting_pick().id
        owner.post("/approve", {"pick_id": pick_id})
        if stars:
            owner.post("/rate", {"pick_id": pick_id, "stars": stars})
