"""docs/appliance.md says what the software does."""

import re
from pathlib import Path

from edge.config import Config
from edge.exits import Exit
from edge.panel.led import MEANING, Pattern

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/appliance.md").read_text()


def rows(first: str) -> list[list[str]]:
    """The rows of the table whose first heading is `first`."""
    table = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert table, first
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def test_every_exit_code_is_listed():
    listed = {int(code): name for code, name, _ in rows("code")}
    assert listed == {int(one): one.name.lower().replace("_", " ") for one in Exit}


def test_every_pattern_of_the_light_is_listed():
    held = {Pattern.HELD, *(one for one in Pattern if one.value.startswith("held"))}
    said = dict(rows("light"))
    assert said == {one.value: MEANING[one] for one in Pattern if one not in held}


def test_the_wiring_is_that_of_the_configuration():
    assert f"GPIO {Config().button_pin}" in TEXT
    assert f"GPIO {Config().led_pin}" in TEXT
    assert f":{Config().page_port}`" in TEXT
