"""The pages that tell the tables are drawn from them and are current."""

from __future__ import annotations

from pathlib import Path

from edge.appliance.diagram import page
from edge.appliance.machine import TABLE
from edge.exits import Exit
from edge.models.activation import STEPS

ROOT = Path(__file__).parents[2]


def test_docs_states_is_current():
    written = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert written == page(), "run `python -m edge.appliance.diagram docs/states.md`"


def test_every_change_of_phase_and_every_step_is_drawn():
    drawn = page()
    for event, rows in TABLE.items():
        for phase, row in rows.items():
            if row.phase not in (None, phase):
                assert f"{phase.name} --> {row.phase.name}: {event.name}" in drawn
    for state, step in STEPS.items():
        assert f"{state.name} --> {step.then.name}: {step.does}" in drawn


def test_exit_codes_keep_to_what_shells_leave_free():
    assert all(0 <= code <= 78 for code in Exit)
