"""Many tabs of one browser: it opens six connections to a host, and each live page takes one."""

from __future__ import annotations

import pytest

from .browser import Browser
from .running_appliance import RunningAppliance

pytestmark = pytest.mark.chromium

TABS = 8


def test_eight_tabs_of_one_browser_all_load_and_all_hear_of_a_pick(
    appliance: RunningAppliance, browser: Browser
):
    browser.sign_in(appliance.address, appliance.pin)
    tabs = [browser.current_window_handle]
    for _ in range(TABS - 1):
        browser.switch_to.new_window("window")
        tabs.append(browser.current_window_handle)
        browser.get(appliance.address)
        assert browser.text("h1")
    said = len(appliance.lines)
    appliance.command("press")
    title = appliance.wait_for(r"^pick: (.+) by ", said)[1]
    for tab in tabs[-4:]:
        browser.switch_to.window(tab)
        browser.wait(lambda: browser.find("h1").text == title)
    # The older ones are not live; they look by themselves now and then, and when they are shown.
    browser.switch_to.window(tabs[0])
    browser.execute_script("dispatchEvent(new PageTransitionEvent('pagehide')); listen();")
    browser.wait(lambda: browser.find("h1").text == title)
