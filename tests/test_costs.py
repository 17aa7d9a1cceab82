"""The page on costs uses a real bundle's number of files and bytes."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from data.signing import PrivateKey
from training.export.bundle import write
from training.export.example_bundle import make_example_bundle

ROOT = Path(__file__).parents[1]
DEVICES, UPDATES = 1000, 4


def figures_of(pattern: str) -> list[Decimal]:
    """Return the numbers of the page's one row of this pattern."""
    [row] = re.findall(pattern, (ROOT / "docs" / "costs.md").read_text("utf-8"))
    return [Decimal(number.replace(",", "")) for number in row]


def test_a_model_is_fetched_in_as_many_gets_as_its_bundle_has_files(tmp_path):
    key = PrivateKey.new()
    exported = make_example_bundle(tmp_path / "example", directors=12, key=key)
    write(exported, tmp_path / "bundle", key, report=b"<!doctype html>")
    files = len(list((tmp_path / "bundle").iterdir()))
    row = figures_of(r"S3 gets: (\d+) files of a model \| ([\d,]+) gets")
    assert row == [files, files * DEVICES * UPDATES]


def test_the_data_to_devices_is_that_of_the_samples_bundle():
    bundle = ROOT / "build" / "bundle"
    if not (bundle / "report.html").exists():
        pytest.skip("needs the sample's bundle: make train-export")
    megabytes = Decimal(sum(path.stat().st_size for path in bundle.iterdir())) / 10**6
    updates, each, together = figures_of(r"data to devices: (\d) x ([\d.]+) MB each \| ([\d.]+) GB")
    assert abs(each - megabytes) < Decimal("0.2")
    assert (updates, together) == (UPDATES, UPDATES * each * DEVICES / 1000)
