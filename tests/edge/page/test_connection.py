"""An open page while its appliance stops and starts again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from data import signing

from .browser import PHONE, Browser
from .running_appliance import RunningAppliance, Visitor

pytestmark = pytest.mark.chromium


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_an_open_page_says_that_the_connection_is_lost_and_comes_back_by_itself(
    tmp_path: Path, bundle: Path, keys: tuple[Path, signing.PrivateKey], browser: Browser
):
    with RunningAppliance(tmp_path / "state", keys[0], page_port=free_port()) as appliance:
        appliance.give_model(bundle)
        owner = Visitor(appliance.port)
        owner.sign_in(appliance.pin)
        owner.post("/press")
        appliance.wait_for(r"^pick: ")
        browser.dress(PHONE, dark=False)
        browser.sign_in(appliance.address, appliance.pin)
        browser.wait_until_live()
        assert not browser.find("#lost").is_displayed()
        assert browser.find("#approve").is_enabled()

        appliance.stop()
        browser.wait(lambda: browser.find("#lost").is_displayed())
        assert browser.text("#lost") == "Connection lost. Trying again\u2026"
        buttons = browser.find_elements("css selector", "button")
        assert [one for one in buttons if one.is_enabled()] == []
        assert browser.axe() == []
        browser.screenshot("connection-lost")

        # A restart signs everyone out, so the page that comes back asks for the PIN.
        appliance.start()
        browser.wait(lambda: browser.find_elements("css selector", "#pin[type=password]"))
        browser.sign_in(appliance.address, appliance.pin)
        browser.wait_until_live()
        assert not browser.find("#lost").is_displayed()
        assert browser.find("#approve").is_enabled()


def test_after_a_short_interruption_the_same_page_carries_on(
    appliance: RunningAppliance, browser: Browser
):
    browser.sign_in(appliance.address, appliance.pin)
    browser.wait_until_live()
    browser.execute_script("window.stillHere = true")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": True})
    browser.execute_script("hush(); listen();")
    browser.wait(lambda: browser.find("#lost").is_displayed())
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
    browser.wait(lambda: not browser.find("#lost").is_displayed())
    browser.wait_until_live()
    assert browser.find("footer button").is_enabled()
    assert browser.execute_script("return window.stillHere")
