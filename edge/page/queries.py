"""What the pages show: read from the appliance and its journal, one query at a time, in one thread.

The server's event loop never waits for a disk, and the journal's connection stays in the thread
that opened it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from data.errors import InvalidRecord
from data.films import KINDS
from data.manifest import MANIFEST, Manifest
from data.messages import Feedback
from data.wire import decode
from edge.journal import HistoryEntry, Journal, JournalError, OutboxRow
from edge.page import charts
from edge.page.formatting import SyncSummary, sync_summary
from edge.page.forms import fields_of
from edge.page.grid import grid_of, read_answer
from edge.page.port import AppliancePort, ApplianceStatus
from edge.search.answer import Answer

Found = TypeVar("Found")
_MOST_MANIFEST_BYTES = 1_000_000
_CLOSE_SECONDS = 10.0
_MOST_EVENTS = 20

# What a manifest's figures are called here, and what they mean to someone who makes films. Figures
# that aren't listed are shown under their own names.
_FIGURES = {
    "rmse": ("Root mean square error", "stars, large errors count more; lower is better"),
    "mae": ("Mean error", "stars; lower is better"),
    "accuracy": ("Exact hits", "share of films whose stars it got right; higher is better"),
    "within_one": ("Within one star", "share of films; higher is better"),
    "regret": ("Regret", "stars lost by not choosing the best of 36 films; lower is better"),
    "optimism": (
        "Optimism",
        "stars by which its choice of 36 films fell short; nearer 0 is better",
    ),
    "best_films": ("Its highest ratings", "films: the best hundredth of those it hadn't seen"),
    "best_expected": ("Expected of those", "stars"),
    "best_stars": ("What they got", "stars"),
    "best_stated": ("Stated for 8 or more", "mean probability that those got 8 stars or more"),
    "best_came_true": ("Came true", "share of those that got 8 stars or more"),
    "log_loss": ("Log loss", "how surprised it was by the real ratings; lower is better"),
}
_PREFIX = "cross_validated_"


class RejectedRating(msgspec.Struct, frozen=True):
    """A rating that the cloud rejected; it's kept, and not sent again."""

    title: str
    stars: int
    reason: str


class Delivery(msgspec.Struct, frozen=True):
    """How ratings and models travel.

    Attributes:
        waiting: ratings not yet acknowledged.
        rejected: ratings that the cloud rejected, with the reason.
    """

    summary: SyncSummary
    waiting: int
    rejected: tuple[RejectedRating, ...]


class PageHeader(msgspec.Struct, frozen=True):
    """What every page shows: the appliance's status, and how delivery is going."""

    status: ApplianceStatus
    delivery: Delivery


class NewestPick(msgspec.Struct, frozen=True):
    """The newest pick, the answer it came from, and the films that await a rating."""

    entry: HistoryEntry | None
    answer: Answer | None
    awaiting: tuple[HistoryEntry, ...]


class QueryThread:
    """Runs queries on appliance and journal in a thread of its own.

    Args:
        appliance: to ask.
        journal: the path to its journal.
    """

    def __init__(self, appliance: AppliancePort, journal: Path) -> None:
        self._appliance = appliance
        self._path = journal
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-queries")

    async def run(self, query: Callable[[AppliancePort, Journal], Found]) -> Found:
        """Return what `query` returns; its errors are raised here."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, query)

    def close(self) -> None:
        """Close the journal, in the thread that opened it."""
        with suppress(TimeoutError):
            self._thread.submit(self._close).result(_CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    def _run(self, query: Callable[[AppliancePort, Journal], Found]) -> Found:
        if self._journal is not None and self._journal.replaced():
            self._close()
        if self._journal is None:
            self._journal = Journal.open(self._path)
        try:
            return query(self._appliance, self._journal)
        except JournalError:
            # A connection that failed once isn't trusted again.
            self._close()
            raise

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()


def page_header(appliance: AppliancePort, journal: Journal) -> PageHeader:
    """Return what every page shows."""
    waiting, _ = journal.outbox_depth()
    rejected = tuple(_rejected(row) for row in journal.quarantined())
    summary = sync_summary(journal.sync_state(), waiting, len(rejected), datetime.now(UTC))
    return PageHeader(appliance.status(), Delivery(summary, waiting, rejected))


def newest_pick(appliance: AppliancePort, journal: Journal) -> NewestPick:
    """Return the newest pick and what belongs to it."""
    entries = journal.history(1)
    entry = entries[0] if entries else None
    answer = read_answer(journal.slate_of(entry.pick.id)) if entry else None
    return NewestPick(entry, answer, tuple(journal.awaiting_rating()))


def _rejected(row: OutboxRow) -> RejectedRating:
    try:
        feedback = decode(row.payload, Feedback)
    except InvalidRecord as error:
        return RejectedRating(row.id, 0, str(error))
    return RejectedRating(feedback.title, feedback.stars, row.reason or "no reason given")


def pick_page(appliance: AppliancePort, journal: Journal) -> dict[str, Any]:
    """Return what the page of the pick shows."""
    found = newest_pick(appliance, journal)
    entry, answer = found.entry, found.answer
    values: dict[str, Any] = {
        "entry": entry,
        "answer": answer,
        "awaiting": found.awaiting,
        "searching": appliance.status().searching,
    }
    if entry is not None:
        values["chart"] = charts.distribution(entry.pick.prediction)
        values["rays"] = charts.rays(entry.pick.prediction)
        why = answer.picks[0].why if answer and answer.picks else None
        values["reasons"] = charts.reasons(entry.pick, why) if why else None
    return values


def slate_page(appliance: AppliancePort, journal: Journal) -> dict[str, Any]:
    """Return what the page of the slate shows."""
    entries = journal.history(1)
    answer = read_answer(journal.slate_of(entries[0].pick.id)) if entries else None
    catalogue = appliance.catalogue()
    return {
        "entry": entries[0] if entries else None,
        "answer": answer,
        "grid": grid_of(answer) if answer else None,
        "catalogue": catalogue,
        "kinds": KINDS,
        "fields": fields_of(appliance.narrowing()),
        "typed": "",
        "found": None,
        "wrong": None,
    }


class Figure(msgspec.Struct, frozen=True):
    """One figure of the active model, beside the previous model's if there is one.

    Attributes:
        meaning: in one line; empty for a figure not explained here.
    """

    name: str
    meaning: str
    value: float
    before: float | None

    @property
    def change(self) -> float | None:
        """The difference from the previous model."""
        return None if self.before is None else self.value - self.before


class OwnRecord(msgspec.Struct, frozen=True):
    """How well the active model predicted the owner's own films.

    Attributes:
        films: that it picked and the owner rated.
        error: root mean square error of its predictions, in stars.
    """

    films: int
    error: float


def model_page(appliance: AppliancePort, journal: Journal) -> dict[str, Any]:
    """Return what the page of the model shows."""
    active, previous = (_manifest(folder) for folder in appliance.model_folders())
    return {
        "manifest": active,
        "previous": previous,
        "figures": _figures(active, previous),
        "own": _own_record(journal.history(), active) if active else None,
        "report": appliance.has_report(),
        "events": journal.activations_after(0)[-_MOST_EVENTS:][::-1],
    }


def _manifest(folder: Path | None) -> Manifest | None:
    """Return a bundle's manifest, to show it. Nothing depends on it, so it isn't verified here."""
    if folder is None:
        return None
    try:
        with (folder / MANIFEST).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_MANIFEST_BYTES), type=Manifest)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _figures(active: Manifest | None, previous: Manifest | None) -> list[Figure]:
    """Return the figures, those explained here first."""
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
