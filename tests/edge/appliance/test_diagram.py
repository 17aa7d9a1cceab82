"""Pages that show the transition tables are generated from them, or compared with them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from edge.appliance.diagram import page
from edge.appliance.machine import TABLE
from edge.models.activation import STEPS
from edge.panel.button import STAGES

ROOT = Path(__file__).parents[3]


def test_docs_states_is_current():
    written = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert written == page(), "run `make states`"


def test_every_change_of_phase_and_every_step_is_there():
    # Of lines that begin alike, the first: the second table names the same requests.
    lines = {line.split(" | ")[0]: line.split(" | ") for line in reversed(page().splitlines())}
    for event, rows in TABLE.items():
        for column, (phase, row) in enumerate(rows.items(), 1):
            if row.phase not in (None, phase):
                assert lines[f"| {event.value}"][column] == f"**{row.phase.value}**"
    for state, step in STEPS.items():
        assert lines[f"| {state.value}"][1:3] == [step.does, f"**{step.then.value}**"]


def test_the_page_of_the_appliance_describes_the_presses_as_they_are():
    text = (ROOT / "docs/appliance.md").read_text("utf-8")
    row = r"^\| (?:short, |hold )?([\d.]+)-([\d.]+) s(?:, or over ([\d.]+) s)? \|"
    listed = re.findall(row, text, re.MULTILINE)
    begins = [begin for begin, _ in STAGES]
    spans = {(float(begin), float(end)) for begin, end, _ in listed}
    assert spans == {*itertools.pairwise(begins[1:])}
    assert [float(over) for *_, over in listed if over] == [begins[-1]]
