"""docs/appliance.md says what the software does."""

import re
from pathlib import Path

from data.exits import Exit
from edge.config import Config
from edge.panel.led import MEANING, Pattern

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/appliance.md").read_text()
WIRING = (ROOT / "docs/pictures/wiring.svg").read_text()


def rows(first: str, text: str = TEXT) -> list[list[str]]:
    """The rows of the table whose first heading is `first`."""
    table = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, first
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def test_every_exit_code_is_listed():
    listed = {int(code): name for code, name, _ in rows("code")}
    assert listed == {int(one): one.name.lower().replace("_", " ") for one in Exit}


def test_the_codes_that_systemd_leaves_alone_are_named():
    unit = (ROOT / "systemd/greenlight.service").read_text()
    assert re.search(r"^Restart=on-failure$", unit, re.MULTILINE), "not after 0"
    given_up = re.search(r"^RestartPreventExitStatus=(.+)$", unit, re.MULTILINE)
    *firsts, last = ["0", *given_up[1].split()]
    assert f"after every code except {', '.join(firsts)} and {last}, at most" in TEXT


def test_every_pattern_of_the_light_is_listed():
    held = {Pattern.HELD, *(one for one in Pattern if one.value.startswith("held"))}
    said = dict(rows("light"))
    assert said == {one.value: MEANING[one] for one in Pattern if one not in held}


def test_the_wiring_is_that_of_the_configuration():
    for text in (TEXT, WIRING):
        assert f"GPIO {Config().button_pin}" in text
        assert f"GPIO {Config().led_pin}" in text
    assert f":{Config().page_port}`" in TEXT
