"""Commands and outcomes survive the trip between processes; refusals map to codes in one place."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import msgspec
import pytest

from data.exits import Exit
from data.films import Combination
from edge.appliance.commands import (
    Approve,
    Command,
    Explain,
    Hold,
    MarkRead,
    Narrow,
    OpenPairing,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
    RetryRatings,
    ShutDown,
    Synchronise,
    Withdraw,
)
from edge.search.slate import Slate, Years

COMMANDS = [
    Press(wait=False),
    Hold(2.5),
    Approve("a pick"),
    Rate(7.5, "a pick", simulated=True),
    Rate(4.0, "a pick", correct=True, rating_id="a rating"),
    Withdraw("a pick", "a rating"),
    Narrow(Slate(years=Years(only=(1990,)))),
    Narrow(),
    Synchronise(),
    Explain(Combination("Agnès Varda", 2027, ("Drama",))),
    RetryModel(),
    MarkRead(),
    RetryRatings(),
    OpenPairing(),
    ShutDown(power_off=True),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_survives_the_journey(command):
    assert msgspec.json.decode(msgspec.json.encode(command), type=Command) == command


def test_every_command_is_among_these():
    assert {type(command) for command in COMMANDS} == set(get_args(Command))


def test_an_outcome_survives_the_journey(make_pick, make_feedback):
    pick = make_pick()
    done = Outcome(
        ok=True, message="done", pick=pick, answer=msgspec.Raw(b"[1]"), feedback=make_feedback(pick)
    )
    arrived = msgspec.json.decode(msgspec.json.encode(done), type=Outcome)
    assert bytes(arrived.answer) == b"[1]"
    assert (arrived.ok, arrived.message, arrived.pick, arrived.feedback) == (
        *(True, "done", pick, done.feedback),
    )
    refused = Outcome.refused(RefusalKind.INVALID, "give less", "years.only")
    assert msgspec.json.decode(msgspec.json.encode(refused), type=Outcome) == refused


@pytest.mark.parametrize(
    ("kind", "status"),
    [(RefusalKind.NOT_NOW, 409), (RefusalKind.INVALID, 422), (RefusalKind.FAILED, 503)],
)
def test_each_kind_of_refusal_has_one_status_and_one_exit_code(kind, status):
    refused = Outcome.refused(kind, "why")
    assert (refused.http_status, refused.exit_code) == (status, Exit.FAILED)


def test_what_was_done_ends_well():
    assert (Outcome(ok=True).http_status, Outcome(ok=True).exit_code) == (200, Exit.OK)


def test_reaching_the_appliance_loads_nothing_heavy():
    """Every command line waits for these imports, and the page's process must not need numpy."""
    script = (
        "import sys, edge.appliance.client, edge.appliance.commands\n"
        "print(*{'numpy', 'onnxruntime', 'gpiozero', 'starlette', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
