"""The state diagrams of `docs/states.md`, drawn from the transition tables themselves.

`python -m edge.appliance.diagram docs/states.md` writes the page; a test fails when it is not
current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.appliance.machine import TABLE, Effect, Event, Obstacle, Phase
from edge.models.activation import STEPS, UpdateState
from edge.panel.button import STAGES
from edge.panel.led import MEANING, Pattern


def page() -> str:
    """Return the page as Markdown with Mermaid diagrams."""
    return "\n".join(
        [
            "# States",
            "",
            "Drawn by `python -m edge.appliance.diagram docs/states.md`; do not edit.",
            "",
            "## The appliance",
            "",
            "What is not drawn changes nothing, or is answered with the reason (second table).",
            "Attention, being offline and the held button are remembered beside the phase.",
            "",
            *_appliance(),
            "",
            "| asked for | in | answer |",
            "|---|---|---|",
            *_refusals(),
            "",
            "## The button",
            "",
            "| held for | asks for |",
            "|---|---|",
            *_presses(),
            "",
            "## The LED",
            "",
            "| shows | means |",
            "|---|---|",
            *(f"| {shown.value} | {MEANING[shown]} |" for shown in Pattern),
            "",
            "## A model's update",
            "",
            "Power may vanish between any two steps; what then happens is in the last column.",
            "",
            *_update(),
            "",
            "| state | the step that follows | when power vanished here |",
            "|---|---|---|",
            *(
                f"| {state.value} | {step.does} | {step.after_power_cut} |"
                for state, step in STEPS.items()
            ),
            "",
        ]
    )


def _appliance() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.STARTING.name}"]
    lines += [f"    {phase.name}: {phase.value}" for phase in Phase]
    for event in Event:
        for phase, row in TABLE[event].items():
            changes = row.phase is not None and row.phase is not phase
            if changes or isinstance(row.effect, Effect):
                effect = f" / {row.effect.name}" if row.effect else ""
                lines.append(
                    f"    {phase.name} --> {(row.phase or phase).name}: {event.name}{effect}"
                )
    return [*lines, f"    {Phase.STOPPING.name} --> [*]", "```"]


def _refusals() -> list[str]:
    return [
        f"| {event.value} | {phase.value} | {row.effect.value} |"
        for event in Event
        for phase, row in TABLE[event].items()
        if isinstance(row.effect, Obstacle)
    ]


def _presses() -> list[str]:
    ends = [f"{beginning:g} s" for beginning, _ in STAGES[1:]]
    rows = zip(STAGES, ends, strict=False)
    lines = [f"| {beginning:g} s to {end} | {press.value} |" for (beginning, press), end in rows]
    return [*lines, f"| over {STAGES[-1][0]:g} s | {STAGES[-1][1].value} |"]


def _update() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {UpdateState.OFFERED.name}"]
    lines += [f"    {state.name}: {state.value}" for state in UpdateState]
    for state, step in STEPS.items():
        lines.append(f"    {state.name} --> {step.then.name}: {step.does}")
        if step.may_refuse:
            lines.append(f"    {state.name} --> {UpdateState.REFUSED.name}: {step.refuses_when}")
    ends = [UpdateState.ACTIVATED, UpdateState.REFUSED]
    return [*lines, *(f"    {end.name} --> [*]" for end in ends), "```"]


def main() -> None:
    """Write the page to the path given."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
