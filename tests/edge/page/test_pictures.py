"""The pictures in README.md and docs: taken of the real page, and compared with what it shows now.

`make pictures` takes them again. What they show is fixed: seeds, days, the sample's model.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PIL import Image, ImageChops, ImageStat

from data import signing
from data.manifest import MANIFEST
from data.messages import Feedback
from edge.appliance.pick_finder import find_pick
from edge.journal import JOURNAL, Journal
from edge.search.model import Model
from edge.search.slate import Directors, Slate

from ...conftest import missing
from .browser import DESKTOP, PHONE, Browser
from .running_appliance import ROOT, RunningAppliance

pytestmark = pytest.mark.chromium

PICTURES = ROOT / "docs" / "pictures"
# name: path, window, dark, and the height that is kept
SHOWN = {
    "pick": ("", DESKTOP, False, 1300),
    "slate": ("slate", DESKTOP, False, 900),
    "what-if": ("what-if", DESKTOP, False, 1500),
    "pick-on-a-phone": ("", PHONE, True, 844),
    "history": ("history", DESKTOP, True, 900),
}
# Mean difference of small grey copies, of 255: another film passes, another layout doesn't.
_MOST_APART = 8.0
_TODAY = 2026
# Seed, day and time of each press, and the rating that followed. Each seed's best film leads by at
# least a quarter of a star: models that differ in their last bits, as processors do, pick the same.
_PRESSES = (
    (95, "10-02T18:20", 7.0), (3, "10-09T19:05", 8.0), (54, "10-15T20:40", 5.5),
    (65, "10-23T18:55", 8.5), (43, "11-01T21:10", 6.0), (17, "11-08T17:30", 7.5),
    (91, "11-16T19:45", 8.0), (106, "11-24T20:15", None),
)  # fmt: skip


def presses(model: Model, journal: Journal) -> None:
    """Record some months of picks, all but the newest rated."""
    for seed, when, rating in _PRESSES:
        made_at = f"{_TODAY}-{when}:00.000Z"
        slate = Slate(sample="next", directors=Directors(active_within=10))
        found = find_pick(
            *(model, slate, journal.approved_combinations()),
            seed=seed,
            made_at=made_at,
            boot_id="pictures",
            today=_TODAY,
        )
        journal.record_pick(found.pick, found.answer.to_json())
        if rating is not None:
            journal.record_decision(found.pick.id, "approved", made_at)
            journal.record_rating(
                Feedback.on(
                    *(found.pick, rating),
                    thing="MovieSelector",
                    source="owner",
                    rated_at=made_at,
                    boot_id="pictures",
                )
            )


def sample_bundle() -> Path:
    """The bundle of the sample's model."""
    bundle = ROOT / "build/bundle"
    manifest = bundle / MANIFEST
    if not manifest.exists() or (
        msgspec.json.decode(manifest.read_bytes())["training"]["source"] != "sample"
    ):
        missing("run `make train-export` first: the pictures show the sample's model")
    return bundle


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    """An appliance with the sample's model and a history."""
    bundle, keys = sample_bundle(), signing.keys_folder()
    state = tmp_path_factory.mktemp("pictures") / "state"
    with RunningAppliance(state, keys, trial_seconds=200.0) as running:
        running.give_model(bundle)
        with Journal.open(state / JOURNAL) as journal:
            presses(Model.open(bundle, signing.read_public_keys(keys)), journal)
        # It looks for a waiting pick when it starts.
        running.stop()
        running.start()
        yield running


def taken(browser: Browser, name: str, folder: Path, owned: RunningAppliance) -> Path:
    path, size, dark, height = SHOWN[name]
    browser.dress(size, dark=dark)
    browser.get(f"{owned.address}{path}")
    browser.wait(lambda: browser.find_elements("css selector", "h1"))
    with Image.open(browser.screenshot(f"picture-{name}")) as whole:
        kept = whole.convert("RGB").crop((0, 0, whole.width, min(height, whole.height)))
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / f"{name}.png"
    kept.quantize(128, dither=Image.Dither.NONE).save(found, optimize=True)
    return found


def apart(one: Path, other: Path) -> float:
    """Return how far two pictures are apart: 0 for equal ones, 255 for black and white."""
    with Image.open(one) as first, Image.open(other) as second:
        return difference(first, second)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return how far two pictures are apart: 0 for equal ones, 255 for black and white."""
    small = [image.convert("L").resize((96, 96)) for image in (one, other)]
    return float(ImageStat.Stat(ImageChops.difference(*small)).mean[0])


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_shows_the_page_as_it_is(
    owned: RunningAppliance, browser: Browser, tmp_path: Path, name: str
):
    browser.sign_in(owned.address, owned.pin)
    if os.environ.get("GREENLIGHT_TAKE_PICTURES"):
        taken(browser, name, PICTURES, owned)
        return
    assert apart(taken(browser, name, tmp_path, owned), PICTURES / f"{name}.png") < _MOST_APART, (
        "the page looks different now: run `make pictures`, and look at them"
    )


def test_another_page_is_not_taken_for_the_same():
    names = sorted(SHOWN)
    for one, other in itertools.pairwise(names):
        assert apart(PICTURES / f"{one}.png", PICTURES / f"{other}.png") > _MOST_APART


def test_the_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 2_000_000
