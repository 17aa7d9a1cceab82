"""The gallery: every example has a picture of what it does, a command, and its essential lines.

`make pictures` takes those of PROGRAMS again, from the sample's model, and a test compares them;
the others are kept as they were taken.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from ..edge.page.test_pictures import sample_bundle

EXAMPLES = Path(__file__).parents[2] / "examples"
ROOT = EXAMPLES.parent
PICTURES = EXAMPLES / "pictures"
GALLERY = (EXAMPLES / "README.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GALLERY, re.MULTILINE | re.DOTALL))
# A picture's name, and the program behind it.
PROGRAMS = {
    "score_a_film": ["examples/score_a_film.py"],
    "search_your_slate": ["examples/search_your_slate.py"],
}
# Models differ in their last bits, as processors do: two films with almost the same stars may
# change places.
_ALIKE = 0.8
# Nothing is loaded from elsewhere; a reader's own fonts do.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def drawn(shown: str, command: str) -> str:
    """Return a terminal with a command and its output, as SVG."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}", "bold"))
    console.print(Text.from_ansi(shown))
    return console.export_svg(title="Greenlight", code_format=_FORMAT, unique_id="terminal")


def words_of(svg: str) -> list[str]:
    """Return the words in a picture, with every digit as 0."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return re.sub(r"\d", "0", " ".join("".join(one.itertext()) for one in texts)).split()


@pytest.mark.parametrize("name", SECTIONS)
def test_each_example_has_a_picture_one_command_and_at_most_ten_lines(name: str):
    section = SECTIONS[name]
    (picture,) = re.findall(r"!\[[^\]]+\]\((pictures/[\w.]+)\)", section)
    assert (EXAMPLES / picture).is_file()
    (command,) = re.findall(r"```sh\n(.+?)\n```", section, re.DOTALL)
    assert "\n" not in command
    ((file, lines),) = re.findall(r"From \[([\w./]+)\].*?```\w+\n(.+?)\n```", section, re.DOTALL)
    assert len(lines.splitlines()) <= 10
    source = (EXAMPLES / file).read_text("utf-8")
    if file.endswith(".ipynb"):
        source = "\n".join("".join(cell["source"]) for cell in msgspec.json.decode(source)["cells"])
    assert lines in source, f"{file} has changed"


def test_every_picture_is_shown_and_small():
    shown = set(re.findall(r"\((pictures/[\w.]+)\)", GALLERY))
    there = {f"pictures/{path.name}" for path in PICTURES.iterdir()}
    assert shown == there
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 500_000
    for path in PICTURES.glob("*.svg"):
        text = path.read_text("utf-8")
        assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", text), "it loads something"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_picture_shows_what_the_program_prints(name: str):
    sample_bundle()
    done = subprocess.run(
        [sys.executable, *PROGRAMS[name]], capture_output=True, text=True, cwd=ROOT, check=True
    )
    fresh = drawn(done.stdout, f".venv/bin/python {' '.join(PROGRAMS[name])}")
    picture = PICTURES / f"{name}.svg"
    if os.environ.get("GREENLIGHT_TAKE_PICTURES"):
        picture.write_text(fresh, "utf-8")
    both = [words_of(text) for text in (fresh, picture.read_text("utf-8"))]
    assert difflib.SequenceMatcher(None, *both).ratio() > _ALIKE, (
        "it prints something else now: run `make pictures`, and look at them"
    )
