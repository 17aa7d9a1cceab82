"""The instructions in docs/appliance.md for trying the page without a Pi."""

from __future__ import annotations

import re
import shutil
import urllib.request
from pathlib import Path

from edge.config import Config, read

from ..process import Bench

PAGE = (Path(__file__).parents[3] / "docs/appliance.md").read_text()
SETTINGS = re.search(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_pages_settings_on_a_laptop_open_the_page_with_a_model(
    tmp_path, keys_folder, rebundle, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shutil.copytree(keys_folder, tmp_path / "home/.config/greenlight/keys")
    rebundle(tmp_path / "build/bundle", version=1)
    config = tmp_path / "build/greenlight.toml"
    config.write_text(SETTINGS[1] + "page_port = 0\n")
    laptop = Bench(read(config).state, config, [])
    running = laptop.start()
    try:
        running.wait_for("model: films version 1")
        address = running.wait_for("page: ").removeprefix("page: ")
        with urllib.request.urlopen(address) as response:
            assert "<title>Sign in" in response.read().decode()
        pin = laptop.command("pin").stdout
        assert re.search(r"\b\d{8}\b", pin)
        assert "★" in laptop.command("press").stdout
    finally:
        assert running.stop() == 0
    assert (tmp_path / "build/laptop").is_dir(), "nothing is left outside of build"


def test_a_bundle_that_is_not_there_is_named(bench):
    with bench.config.open("a") as config:
        config.write("first_bundle = 'bundel'\n")
    running = bench.start()
    assert "first_bundle: " in running.lines[-2]
    assert running.lines[-2].endswith("/bundel doesn't exist")
    assert running.stop() == 0


def test_a_device_has_no_bundle_but_those_it_is_offered():
    assert Config().first_bundle is None
