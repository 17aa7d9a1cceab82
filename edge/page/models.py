"""The model that answers: its version, figures, where it learnt, and what changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from data.manifest import MANIFEST, Manifest
from edge.journal import HistoryEntry, Journal
from edge.page.house import House

_MOST_MANIFEST_BYTES = 1_000_000
_MOST_EVENTS = 20

# What the figures of a manifest are called, and what they mean to someone who makes films; the
# others are for those who know their names.
_FIGURES = {
    "rmse": ("Typical error", "stars, root mean square; lower is better"),
    "mae": ("Average error", "stars; lower is better"),
    "accuracy": ("Exact hits", "share of films whose stars it named; higher is better"),
    "within_one": ("Within one star", "share of films; higher is better"),
    "regret": ("Left on the slate", "stars by which the best of 36 films was missed"),
    "optimism": ("Optimism", "stars by which its choice of 36 films disappointed"),
    "log_loss": ("Surprise", "log loss of the ten probabilities; lower is better"),
}
_PREFIX = "cross_validated_"


class Figure(msgspec.Struct, frozen=True):
    """One figure of the active model, beside the previous model's where there is one.

    Attributes:
        meaning: in one line; empty for a figure that only some people know.
    """

    name: str
    meaning: str
    value: float
    before: float | None

    @property
    def change(self) -> float | None:
        """How much it grew since the model before."""
        return None if self.before is None else self.value - self.before


class OwnRecord(msgspec.Struct, frozen=True):
    """How the active model did on the owner's own films.

    Attributes:
        films: rated films that it had predicted.
        error: root mean square error of its predictions, in stars.
    """

    films: int
    error: float


def models(house: House, journal: Journal) -> dict[str, Any]:
    """Return what the model's page shows."""
    active, previous = (_manifest(folder) for folder in house.model_folders())
    return {
        "manifest": active,
        "previous": previous,
        "figures": _figures(active, previous),
        "own": _own_record(journal.history(), active) if active else None,
        "report": house.has_report(),
        "events": journal.activations_after(0)[-_MOST_EVENTS:][::-1],
    }


def _manifest(folder: Path | None) -> Manifest | None:
    """Return a bundle's manifest, for show: nothing is decided by it, so it is not checked here."""
    if folder is None:
        return None
    try:
        with (folder / MANIFEST).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_MANIFEST_BYTES), type=Manifest)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _figures(active: Manifest | None, previous: Manifest | None) -> list[Figure]:
    """Return the figures, those with a meaning for everyone first."""
    if active is None:
        return []
    before = previous.metrics if previous else {}
    known = list(_FIGURES)
    keys = [key for key, value in active.metrics.items() if math.isfinite(value)]
    order = {key: place for place, key in enumerate(known)}
    keys.sort(key=lambda key: order.get(key.removeprefix(_PREFIX), len(known)))
    return [Figure(*_named(key), value=active.metrics[key], before=before.get(key)) for key in keys]


def _named(key: str) -> tuple[str, str]:
    bare = key.removeprefix(_PREFIX)
    return _FIGURES.get(bare, (bare.replace("_", " "), ""))


def _own_record(entries: Sequence[HistoryEntry], manifest: Manifest) -> OwnRecord | None:
    errors = [
        entry.pick.prediction.expected - rating.stars
        for entry in entries
        if entry.pick.model_hash == manifest.model_hash
        for rating in entry.ratings
        if rating.source == "owner"
    ]
    if not errors:
        return None
    return OwnRecord(len(errors), math.sqrt(math.fsum(e * e for e in errors) / len(errors)))
