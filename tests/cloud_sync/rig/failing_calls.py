"""Lets each system call of the recorded work fail once, or several times in a row, and checks all.

strace makes the call fail in the kernel's stead, so this reaches SQLite's writes as well as
Python's. The work goes on as the services do; at the end every promise must hold and all of the
work must be done.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rig.crash_check import check
from rig.records import Published

from data.signing import PUBLIC_SUFFIX, PrivateKey

_WORKLOAD = Path(__file__).with_name("fault_workload.py")
# Which calls may fail, and how: a full disk, a dying disk.
CALLS = {
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "fsync": ("EIO",),
    "fdatasync": ("EIO",),
    "ftruncate": ("EIO",),
    "rename": ("ENOSPC", "EIO"),
    "unlink": ("EIO",),
    "unlinkat": ("EIO",),
    "mkdir": ("ENOSPC",),
    "rmdir": ("EIO",),
}
_MOST_IN_A_ROW = 5
_SECONDS = 300


@dataclass
class Failures:
    """The result."""

    calls: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    felt: int = 0
    broken: list[str] = field(default_factory=list)


class FailingCalls:
    """One set of bundles; every run has its own state folder."""

    def __init__(self, folder: Path, rounds: int = 2, ratings: int = 6) -> None:
        self._folder, self._rounds, self._ratings = folder, rounds, ratings
        self._bundles = folder / "bundles"
        self._bundles.mkdir(parents=True)
        key = PrivateKey.new()
        (self._bundles / f"{key.key_id}{PUBLIC_SUFFIX}").write_bytes(key.public_pem)
        for version in range(1, rounds + 2):
            Published(self._bundles / str(version), version, key, b"model" * 40_000)
        self.found = Failures()

    def count(self) -> Counter[str]:
        """Return how often the work makes each call when nothing fails."""
        log = self._folder / "calls.log"
        traced = ["-f", "-o", str(log), "-e", f"trace={','.join(CALLS)}"]
        ended = self._work(traced, self._folder / "counted")
        assert ended == 0, f"the work ends with {ended}"
        calls = re.findall(r"^(?:\d+ +)?(\w+)\(", log.read_text(), re.MULTILINE)
        self.found.calls = Counter(call for call in calls if call in CALLS)
        return self.found.calls

    def run(self, runs: int, seed: int) -> Failures:
        """Let calls fail at `runs` places, spread over all calls and errors."""
        rng, calls = random.Random(seed), self.count()
        every = [
            (call, error, number)
            for call, errors in CALLS.items()
            for error in errors
            for number in range(1, calls[call] + 1)
        ]
        for number, (call, error, at) in enumerate(_spread(every, runs, rng)):
            until = at if rng.random() < 0.5 else at + rng.randint(1, _MOST_IN_A_ROW - 1)
            self._one(number, call, error, at, until)
        return self.found

    def _one(self, number: int, call: str, error: str, at: int, until: int) -> None:
        state = self._folder / f"state-{number}"
        where = f"{call} {at}..{until} {error}"
        inject = f"inject={call}:error={error}:when={at}..{until}"
        ended = self._work(
            ["-f", "--seccomp-bpf", "-o", os.devnull, "-e", f"trace={call}", "-e", inject], state
        )
        promised: dict[str, list[str]] = {}
        for line in state.with_suffix(".marks").read_text().splitlines():
            kind, word = line.split()
            promised.setdefault(kind, []).append(word)
        self.found.runs[f"{call} {error}"] += 1
        self.found.felt += int(promised.get("failures", ["0"])[0]) > 0
        if ended != 0 or len(promised.get("activated", ())) != self._rounds:
            self.found.broken.append(f"{where}: the work was not done, exit code {ended}")
        found = check(state, promised, self._bundles, goes_on=True)
        self.found.broken += [f"{where}: {sentence}" for sentence in found]

    def _work(self, strace: list[str], state: Path) -> int:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        marks = state.with_suffix(".marks")
        marks.write_text("")
        work = [sys.executable, str(_WORKLOAD), str(state), str(marks), str(self._bundles)]
        work += [str(self._rounds), str(self._ratings)]
        with state.with_suffix(".log").open("wb") as log:
            return subprocess.run(
                ["strace", "-qq", *strace, *work],
                stdout=log,
                stderr=log,
                check=False,
                timeout=_SECONDS,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            ).returncode


def _spread(
    every: list[tuple[str, str, int]], runs: int, rng: random.Random
) -> list[tuple[str, str, int]]:
    """Choose places so that each call and error gets its share, rare calls all of theirs."""
    by_kind: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for one in every:
        by_kind.setdefault(one[:2], []).append(one)
    for kind in by_kind.values():
        rng.shuffle(kind)
    chosen: list[tuple[str, str, int]] = []
    while len(chosen) < min(runs, len(every)):
        for kind in by_kind.values():
            if kind and len(chosen) < runs:
                chosen.append(kind.pop())
    return chosen
