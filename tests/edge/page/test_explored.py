"""An explored pick is marked wherever it is shown."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from data import signing

from .browser import DESKTOP, PHONE, Browser
from .running_appliance import RunningAppliance, Visitor

pytestmark = pytest.mark.chromium
MOST_PRESSES = 40


def press_until_explored(appliance: RunningAppliance, owner: Visitor) -> str:
    """Press until an explored film isn't also the best one; return its title."""
    for _ in range(MOST_PRESSES):
        said = len(appliance.lines)
        owner.post("/press")
        appliance.wait_for(r"^pick: ", said)
        with appliance.journal() as journal:
            pick = journal.waiting_pick()
        if pick.explored:
            return pick.title
    raise AssertionError("no pick was explored")


def test_on_the_card_on_the_slate_in_the_history_and_as_csv(
    tmp_path: Path, bundle: Path, keys: tuple[Path, signing.PrivateKey], browser: Browser
):
    with RunningAppliance(tmp_path / "state", keys[0], explore=1.0) as appliance:
        appliance.give_model(bundle)
        owner = Visitor(appliance.port)
        owner.sign_in(appliance.pin)
        title = press_until_explored(appliance, owner)

        browser.sign_in(appliance.address, appliance.pin)
        assert browser.text("h1") == title
        assert browser.text(".what .explored") == "explored"
        assert "not because it was the best" in browser.text(".learn")
        assert "The best film was" in browser.text(".learn")
        assert browser.axe() == []
        browser.screenshot("explored-1-pick-desktop")
        browser.dress(PHONE, dark=True)
        browser.get(appliance.address)
        browser.screenshot("explored-2-pick-phone-dark")
        browser.dress(DESKTOP, dark=False)

        browser.get(f"{appliance.address}slate")
        assert "isn't the best" in browser.text(".lead")
        assert browser.text(".picked .best").lower() == "explored"
        assert [one.lower() for one in browser.texts("td:not(.picked) .best")] == ["best"]
        browser.screenshot("explored-3-slate-desktop")

        browser.get(f"{appliance.address}history")
        assert browser.text(".timeline li .tag") == "explored"
        assert browser.axe() == []
        table = csv.DictReader(io.StringIO(owner.get("/history.csv")[2].decode()))
        assert {row["title"]: row["explored"] for row in table}[title] == "yes"
