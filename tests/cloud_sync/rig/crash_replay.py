"""Records a few days of one device, then cuts the power at many instants and checks the rest."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rig.crash_check import check, promises
from rig.disk import FATES, crash
from rig.recording import Recording, Sync, record
from rig.records import Published

from data.signing import PUBLIC_SUFFIX, PrivateKey

_WORKLOAD = Path(__file__).with_name("crash_workload.py")


@dataclass
class Outcome:
    """The replay's result."""

    steps: int = 0
    syncs: int = 0
    points: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def recorded(
    folder: Path, rounds: int, ratings: int, careless: bool = False
) -> tuple[Recording, Path]:
    """Run the workload under the recorder; return its steps and the bundles it used."""
    bundles, state = folder / "bundles", folder / "state"
    key = PrivateKey.new()
    bundles.mkdir(parents=True)
    (bundles / f"{key.key_id}{PUBLIC_SUFFIX}").write_bytes(key.public_pem)
    for version in range(1, rounds + 2):
        Published(bundles / str(version), version, key, b"model" * 4_000)
    state.mkdir()
    marks = folder / "marks"
    command = [sys.executable, str(_WORKLOAD), str(state), str(marks), str(bundles)]
    log = folder / "strace.log"
    command += [str(rounds), str(ratings), *(["careless"] if careless else [])]
    recording = record(command, state, marks, log)
    log.unlink()
    return recording, bundles


def replay(recording: Recording, bundles: Path, scratch: Path, points: int, seed: int) -> Outcome:
    """Cut the power at `points` instants, spread over all steps and fates."""
    rng = random.Random(seed)
    outcome = Outcome(len(recording.steps))
    outcome.syncs = sum(isinstance(step, Sync) for step in recording.steps)
    every = [(after, fate) for after in range(len(recording.steps) + 1) for fate in FATES]
    while len(every) < points:
        # Torn disks differ every time: more of those.
        every += [(after, "torn") for after in range(len(recording.steps) + 1)]
    chosen = every if len(every) == points else rng.sample(every, points)
    for number, (after, fate) in enumerate(chosen):
        state = scratch / f"crash-{number}"
        crash(recording, after, fate, rng).write_to(state)
        found = check(state, promises(recording, after), bundles, goes_on=number % 8 == 0)
        outcome.points[fate] += 1
        outcome.broken += [f"step {after} {fate}: {sentence}" for sentence in found]
    return outcome
