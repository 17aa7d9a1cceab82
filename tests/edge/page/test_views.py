"""The model's report comes with the model, and is shown exactly as signed or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from data.manifest import REPORT

from .browser import DESKTOP, Browser
from .running_appliance import RunningAppliance, Visitor
from .test_story import LOOKS


def kept(appliance: RunningAppliance) -> Path:
    return appliance.state / "versions" / "1" / REPORT


def test_it_is_the_file_that_was_signed(owner: Visitor, bundle: Path):
    assert 'href="/report"' in owner.get("/model")[2].decode()
    status, headers, body = owner.get("/report.html")
    assert status == 200
    assert body == (bundle / REPORT).read_bytes()
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-disposition"].startswith("inline")
    assert headers["cache-control"] == "no-store"


def test_the_page_around_it_leads_back(owner: Visitor):
    status, headers, body = owner.get("/report")
    assert status == 200
    assert b'href="/model">Back to the model' in body
    assert b'src="/report.html"' in body
    assert "frame-src 'self'" in headers["content-security-policy"]
    # No other page may hold a frame, and nothing but ours may frame the report.
    assert "frame-src" not in owner.get("/model")[1]["content-security-policy"]
    framed = owner.get("/report.html")[1]
    assert framed["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed["content-security-policy"]


def test_browsers_may_do_nothing_with_it_but_show_it(owner: Visitor):
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in owner.get("/report.html")[1]["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    # An empty sandbox: no script, no form, no origin of ours.
    assert policy["sandbox"] == ""
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(path.read_bytes().replace(b"Ratings", b"Rubbish")),
        lambda path: path.write_bytes(path.read_bytes() + b"<p>more"),
        lambda path: path.unlink(),
    ],
    ids=["changed", "longer", "gone"],
)
def test_a_file_that_was_changed_on_the_disk_is_not_shown(
    appliance: RunningAppliance, owner: Visitor, harm: Callable[[Path], object]
):
    path = kept(appliance)
    good = path.read_bytes()
    harm(path)
    try:
        status, headers, body = owner.get("/report.html")
        assert status == 503
        assert REPORT.encode() in body
        assert b"Rubbish" not in body
        assert "style-src 'self'" in headers["content-security-policy"]
        assert owner.get("/report")[0] == 503, "no page around nothing"
    finally:
        path.write_bytes(good)
    assert owner.get("/report.html")[0] == 200


@pytest.mark.chromium
def test_it_is_seen_whole_on_desktop_and_phone_in_light_and_dark(
    appliance: RunningAppliance, browser: Browser
):
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(f"{appliance.address}model")
    browser.find("a[href='/report']").click()
    browser.wait(lambda: browser.find("iframe.report"))
    for look, (size, dark) in LOOKS.items():
        browser.dress(size, dark=dark)
        browser.screenshot(f"{look}-6-report")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
        browser.switch_to.frame(browser.find("iframe.report"))
        assert browser.text("h1") == "The model and its films"
        assert browser.execute_script(
            "return document.documentElement.scrollWidth <= window.innerWidth"
        )
        # Its own style holds, and what is drawn turns with the page.
        ink = browser.find("h1").value_of_css_property("color")
        assert ink == browser.find("svg [fill='#22262b']").value_of_css_property("fill").replace(
            "rgb(", "rgba("
        ).replace(")", ", 1)")
        browser.switch_to.default_content()
    browser.dress(DESKTOP, dark=False)
    assert browser.axe() == []
    browser.find("a[href='/model']").click()
    browser.wait(lambda: browser.find("h1").text == "Model version 1")
    assert browser.complaints() == []


@pytest.mark.chromium
def test_axe_core_finds_nothing_in_it(bundle: Path, browser: Browser):
    # Opened from the disk: in its sandbox axe-core's own script would not run.
    for size, dark in LOOKS.values():
        browser.dress(size, dark=dark)
        browser.get((bundle / REPORT).as_uri())
        assert browser.axe() == []
    browser.dress(DESKTOP, dark=False)


def test_a_model_without_one_says_so(
    appliance: RunningAppliance, owner: Visitor, make_bundle: Callable[..., Path]
):
    appliance.give_model(make_bundle(2))
    page = owner.get("/model")[2].decode()
    assert 'href="/report"' not in page
    assert "came without a report" in page
    for path in ("/report", "/report.html"):
        status, _, body = owner.get(path)
        assert status == 404
        assert b"came without a report" in body
