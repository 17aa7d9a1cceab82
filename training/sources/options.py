"""A source's options, apart from its file's path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.progress import ProgressReporter, unreported

# More people than this have rated a film that counts: the original's threshold, and the one of
# the historical list's own bottom-ten table.
MIN_VOTES = 1_500
# Lookups that a free OMDb key gives a day.
OMDB_DAILY_QUOTA = 1_000
# The share of bad rows or objects that isn't an error unless the command line says otherwise.
ALLOWED_BAD_SHARE = 0.05


def every_twentieth(progress: ProgressReporter) -> ProgressReporter:
    """Return a reporter that repeats a step only when another twentieth of it is done."""
    last: tuple[str, int] | None = None

    def pass_on(step: str, done: float) -> None:
        nonlocal last
        now = (step, int(done * 20))
        if now != last:
            last = now
            progress(step, done)

    return pass_on


@dataclass(frozen=True)
class Options:
    """Options for sources; each uses those that concern it.

    Attributes:
        min_votes: films with this many votes or fewer are left out.
        daily_quota: of OMDb lookups.
        known_only: ask OMDb nothing; use what earlier runs have learnt.
        encoding: csv: of the file's text; None to find out.
        domain: csv: the file that says what the table is about; None for the one beside it.
        progress: called with each step of a long run, and how far it has come (0 to 1).
    """

    min_votes: int = MIN_VOTES
    daily_quota: int = OMDB_DAILY_QUOTA
    known_only: bool = False
    encoding: str | None = None
    domain: Path | None = None
    progress: ProgressReporter = unreported
