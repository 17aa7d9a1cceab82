"""The configuration reports every error at once, with suggestions."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from data.settings import ConfigError
from edge import config
from edge.config import Config, read

EXAMPLE = Path(config.__file__).with_name("greenlight.example.toml")


def test_the_commented_example_is_the_defaults_and_names_every_key():
    assert read(EXAMPLE) == Config()
    text = EXAMPLE.read_text()
    # A path that is none by default is shown commented out.
    shown = re.sub(
        r"^# (?=(first_bundle|page_certificate|page_key) = )", "", text, flags=re.MULTILINE
    )
    assert list(tomllib.loads(shown)) == [field.name for field in dataclasses.fields(Config)]


def test_all_errors_are_reported_at_once_with_suggestions(tmp_path: Path):
    path = tmp_path / "greenlight.toml"
    path.write_text(
        'buton_pin = 4\nled_pin = "27"\nverified_share = nan\nthing = "a b"\n'
        "keep_picks = 1\nbutton_pull_up = 1\nwhatever = 3\n"
    )
    with pytest.raises(ConfigError) as caught:
        read(path)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 7
    assert "buton_pin: isn't a setting; did you mean button_pin?" in problems
    assert "led_pin: is '27'; give a whole number" in problems
    assert "button_pull_up: is 1; give true or false" in problems
    assert "keep_picks: is 1; give 100 to 1000000" in problems
    for field in ("verified_share", "thing", "whatever"):
        assert re.search(f"^{field}: is", problems, re.MULTILINE)


def test_button_and_led_cannot_share_a_pin(tmp_path: Path):
    path = tmp_path / "greenlight.toml"
    path.write_text("led_pin = 17\n")
    with pytest.raises(ConfigError, match="the button's pin"):
        read(path)


def test_the_page_needs_a_certificate_and_its_key_together(tmp_path: Path):
    path = tmp_path / "greenlight.toml"
    path.write_text('page_key = "page.key"\n')
    with pytest.raises(ConfigError, match="both page_certificate and page_key"):
        read(path)
    path.write_text('page_names = ["greenlight.local"]\npage_key = "k"\npage_certificate = "c"\n')
    assert read(path).page_names == ("greenlight.local",)
    assert read(path).page_key == tmp_path / "k"
    path.write_text("page_names = [1]\n")
    with pytest.raises(ConfigError, match="a list of texts"):
        read(path)


def test_relative_paths_are_relative_to_the_file_and_the_state_can_be_overridden(tmp_path: Path):
    path = tmp_path / "greenlight.toml"
    path.write_text('state = "device"\npublic_keys = "keys"\noffline_seconds = 5\n')
    config = read(path)
    assert config.state == tmp_path / "device"
    assert config.public_keys == tmp_path / "keys"
    assert config.offline_seconds == 5.0
    assert read(path, tmp_path / "other").state == tmp_path / "other"


def test_a_missing_file_is_named_unless_it_is_the_usual_one(tmp_path: Path, monkeypatch):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read(tmp_path / "nowhere.toml")
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "nowhere.toml")
    assert read(None) == Config()
    assert read(None, tmp_path / "state") == Config(state=tmp_path / "state")
