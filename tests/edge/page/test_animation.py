"""The moving picture in README.md is of the page as it is; `make pictures` makes it again."""

from __future__ import annotations

import os

import pytest
from PIL import Image, ImageSequence

from data import signing

from .animation import brightnesses, frame, played, write
from .browser import Browser
from .running_appliance import ROOT, RunningAppliance
from .test_pictures import difference, sample_bundle

pytestmark = pytest.mark.chromium

# Each press picks another film, whose title takes one line or two and moves what is below.
_MOST_APART = 24.0
PRESS = ROOT / "docs/pictures/press.webp"


def test_the_moving_picture_shows_the_page_as_it_is(browser: Browser, tmp_path):
    bundle = sample_bundle()
    with RunningAppliance(tmp_path / "state", signing.keys_folder(), trial_seconds=200.0) as own:
        own.give_model(bundle)
        browser.sign_in(own.address, own.pin)
        scenes = played(own, browser)
    if os.environ.get("GREENLIGHT_TAKE_PICTURES"):
        write(browser, scenes, PRESS)
    with Image.open(PRESS) as moving:
        shown = [one.convert("RGB") for one in ImageSequence.Iterator(moving)]
    number, starts = 0, []
    for scene in scenes:
        (brightness, _), *more = brightnesses(scene)
        starts.append(shown[number])
        assert difference(frame(browser, scene, brightness), starts[-1]) < _MOST_APART, (
            f"{scene.caption!r} looks different now: run `make pictures`, and look at it"
        )
        number += 1 + len(more)
    assert number == len(shown)
    # The page before the press isn't taken for the page after it.
    assert difference(starts[0], starts[3]) > _MOST_APART
