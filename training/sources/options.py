"""What a source may be told besides where its file is."""

from __future__ import annotations

from dataclasses import dataclass

from training.progress import Tell

# More people than this have rated a film that counts: the original's threshold, and the one of
# the historical list's own bottom-ten table.
MIN_VOTES = 1_500
# Lookups that a free OMDb key gives a day.
OMDB_DAILY_QUOTA = 1_000
# The share of bad rows, or of bad objects, that stops nothing unless said otherwise.
ALLOWED_BAD_SHARE = 0.05


def sparing(tell: Tell) -> Tell:
    """Return a `tell` that repeats a step only when another twentieth of it is done."""
    told: tuple[str, int] | None = None

    def pass_on(step: str, done: float) -> None:
        nonlocal told
        news = (step, int(done * 20))
        if news != told:
            told = news
            tell(step, done)

    return pass_on


def _silent(step: str, done: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Options:
    """What a source may be told; each source takes what concerns it.

    Attributes:
        min_votes: films with this many votes or fewer are left out.
        daily_quota: of OMDb lookups.
        known_only: ask OMDb nothing; use what earlier runs have learnt.
        tell: hears of a long run's steps, and how far it has come (0 to 1).
    """

    min_votes: int = MIN_VOTES
    daily_quota: int = OMDB_DAILY_QUOTA
    known_only: bool = False
    tell: Tell = _silent
