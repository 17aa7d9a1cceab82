"""Kills a model's update at every step and at every change of the disk, and checks what is left.

A script: `python kill_update.py TEMPLATE WORK KEYS`. TEMPLATE is a state folder with version 1
active and version 2 offered. Each round copies it, runs the update in a fork that is killed at one
point, then starts as after a power cut. What was found is printed as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from data.signing import read_public_keys
from edge.journal import JOURNAL, Journal
from edge.models import update as update_module
from edge.models.activation import STEPS, UpdateState
from edge.models.active import load_active
from edge.models.probing import check_answers
from edge.models.store import ModelStore
from edge.models.update import TrialLimits, Update

# What changes the disk, or opens something that may.
CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "sqlite3.connect"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def start(state: Path, keys: Path, boot: str):
    """Return what a start finds: the active model."""
    answering = load_active(ModelStore(state), keys, boot)
    assert answering.model is not None, f"no model answers: {answering.notes}"
    assert not answering.notes, answering.notes
    check_answers(answering.model, answering.bundle)
    return answering


def carry_on(state: Path, keys: Path, active, passed=lambda reached: None) -> UpdateState | None:
    with Journal.open(state / JOURNAL) as journal:
        offers = journal.incoming_models()
        if not offers:
            return None
        return Update(
            offer=offers[0],
            state_folder=state,
            keys=keys,
            active=active,
            limits=TrialLimits(20.0, 500_000_000),
            store=ModelStore(state),
            journal=journal,
            now=lambda: "now",
        ).run(passed)


def in_a_fork(work) -> int:
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitpid(process, 0)[1]


def check_what_is_left(state: Path, keys: Path) -> None:
    answering = start(state, keys, "the next boot")
    pointer = ModelStore(state).read()
    with Journal.open(state / JOURNAL) as journal:
        outcomes = [a.outcome for a in journal.activations_after(0)]
        assert outcomes in ([], ["activated"]), outcomes
        assert outcomes == [] or pointer.active == 2, "success was reported but didn't happen"
        assert (outcomes == ["activated"]) == (journal.incoming_models() == [])
    assert answering.bundle.manifest.version == pointer.active
    carry_on(state, keys, answering.bundle)
    assert start(state, keys, "one more boot").bundle.manifest.version == 2
    pointer = ModelStore(state).read()
    assert (pointer.active, pointer.previous) == (2, 1)
    with Journal.open(state / JOURNAL) as journal:
        assert [a.outcome for a in journal.activations_after(0)] == ["activated"]
        assert journal.incoming_models() == []


def main(template: Path, work: Path, keys: Path) -> dict[str, object]:
    state, states = work / "state", []
    for point in [*STEPS, UpdateState.ACTIVATED]:
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(template, state)
        active = start(state, keys, "boot").bundle
        ended = in_a_fork(lambda: carry_on(state, keys, active, lambda s: s is point and die()))  # noqa: B023
        assert os.WIFSIGNALED(ended), f"{point} was never reached"
        check_what_is_left(state, keys)
        states.append(point.name)

    # The trial is a separate process and changes nothing here; without it each round is quick.
    update_module.try_model = lambda *_, **__: None
    changes = 0
    while True:
        shutil.rmtree(state)
        shutil.copytree(template, state)
        active = start(state, keys, "boot").bundle
        if not os.WIFSIGNALED(in_a_fork(lambda: killed_at(changes, state, keys, active))):  # noqa: B023
            break
        check_what_is_left(state, keys)
        changes += 1
    return {"states": states, "changes": changes, "keys": len(read_public_keys(keys))}


def killed_at(number: int, state: Path, keys: Path, active) -> None:
    """Run the update and die just before its change of the disk with this number."""
    seen, inside = 0, str(state)

    def watch(event: str, arguments: tuple) -> None:
        if event not in CHANGES or inside not in str(arguments[0]) + str(arguments[1:2]):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        count()

    def count() -> None:
        nonlocal seen
        if seen == number:
            die()
        seen += 1

    def counted_fsync(descriptor: object) -> None:
        count()
        fsync(descriptor)

    fsync, os.fsync = os.fsync, counted_fsync
    sys.addaudithook(watch)
    carry_on(state, keys, active)


if __name__ == "__main__":
    print(json.dumps(main(*map(Path, sys.argv[1:4]))))
