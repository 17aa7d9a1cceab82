"""Signing in by the button: from a browser's four digits to its session, and nobody else's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge.panel.led import digit_steps

from .browser import Browser
from .conftest import ADDRESSES
from .fake_appliance import FakeAppliance, Served, served
from .running_appliance import RunningAppliance, Visitor


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    """The page of an appliance on which nobody has ever signed in."""
    appliance = FakeAppliance()
    with served(appliance, tmp_path) as page:
        page.appliance = appliance
        yield page


def begin(page: Served, address: str) -> tuple[Visitor, str]:
    """Ask to be paired; return the visitor and the digits it shows."""
    visitor = Visitor(page.port, address=address)
    status, headers, _ = visitor.post("/pair")
    assert (status, headers["location"]) == (303, "/pair")
    visitor.cookie = headers["set-cookie"].partition(";")[0]
    assert "HttpOnly" in headers["set-cookie"]
    return visitor, digits_of(visitor)


def digits_of(visitor: Visitor) -> str:
    found = re.search(rb'id="digits">([1-6 ]+)<', visitor.get("/pair")[2])
    return found.group(1).decode().replace(" ", "") if found else ""


def test_a_browser_is_signed_in_by_the_press_and_sees_the_pin(page: Served):
    owner, digits = begin(page, "127.0.7.1")
    other, other_digits = begin(page, "127.0.7.2")
    pairing = page.appliance.pairing
    assert pairing.shown.digits == digits != other_digits
    assert pairing.pair(pairing.shown, time.monotonic())
    status, headers, _ = owner.get("/pair")
    assert (status, headers["location"]) == (303, "/pin")
    owner.cookie = headers["set-cookie"].partition(";")[0]
    pin = page.auth.pin()
    body = owner.get("/pin")[2].decode()
    assert pin.shown in body
    owner.token = re.search(r'name="token" value="([^"]+)"', body).group(1)
    assert b"This pairing has ended" in other.get("/pair")[2]
    assert other.get("/pin")[0] == 303
    assert owner.post("/pin", {"token": "another"})[0] == 403
    assert page.auth.pin() == pin
    status, headers, _ = owner.post("/pin")
    owner.cookie = headers["set-cookie"].partition(";")[0]
    assert page.auth.pin() != pin
    assert page.auth.pin().shown.encode() in owner.get("/pin")[2]


def test_without_a_hold_of_the_button_a_device_in_use_pairs_nobody(page: Served):
    assert Visitor(page.port).sign_in(page.auth.pin().digits) == 303
    status, headers, body = Visitor(page.port, address="127.0.7.3").post("/pair")
    assert status == 409
    assert "set-cookie" not in headers
    assert b"20 to 30 seconds" in body


def test_who_signed_in_with_the_pin_does_not_see_it_on_the_page(page: Served):
    visitor = Visitor(page.port)
    visitor.sign_in(page.auth.pin().digits)
    assert page.auth.pin().shown.encode() not in visitor.get("/pin")[2]
    visitor.post("/pin")
    assert visitor.get("/pin")[0] == 200


def test_another_site_begins_no_pairing(page: Served):
    visitor = Visitor(page.port)
    assert visitor.post("/pair", origin="http://elsewhere.example")[0] == 403
    assert page.appliance.pairing.shown is None


def test_guessing_another_browsers_secret_gives_nothing(page: Served):
    begin(page, "127.0.7.4")
    for secret in ("", "x", "x" * 5000):
        guesser = Visitor(page.port)
        guesser.cookie = f"greenlight-pairing={secret}"
        assert digits_of(guesser) == ""


@pytest.mark.chromium
def test_the_owner_pairs_a_browser_while_another_asks_without_end_and_the_page_dies(
    tmp_path: Path, keys, browser: Browser
):
    with RunningAppliance(tmp_path / "state", keys[0]) as appliance:
        browser.get(appliance.address)
        assert browser.axe() == []
        browser.find("#pair").click()
        digits = browser.text("#digits")
        appliance.wait_for(rf"led: four digits {digits}$")
        assert browser.axe() == []
        browser.screenshot("pairing-1-digits")
        watching = time.monotonic() + sum(step.seconds for step in digit_steps(digits[::2]))
        attacker = Visitor(appliance.port, address=next(ADDRESSES))
        for _ in range(20):
            attacker.cookie = attacker.post("/pair")[1]["set-cookie"].partition(";")[0]
        for child in psutil.Process(appliance.process.pid).children():
            child.kill()
        # What an owner does: watch until the light has blinked all four. Nothing else shows that.
        time.sleep(max(0.0, watching + 0.5 - time.monotonic()))
        assert "is signed in" in appliance.command("press")
        browser.wait(lambda: browser.find_elements("css selector", "#pin-shown"))
        assert browser.text("#pin-shown").replace(" ", "") == appliance.pin
        assert browser.axe() == []
        browser.screenshot("pairing-2-pin")
        assert b"This pairing has ended" in attacker.get("/pair")[2]
        browser.find("button.second").click()
        browser.wait(lambda: appliance.pin == browser.text("#pin-shown").replace(" ", ""))
        assert attacker.sign_in(appliance.pin) == 303
