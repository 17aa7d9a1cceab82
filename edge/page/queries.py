"""What the pages show: the appliance's answers, turned into what the templates need."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.films import KINDS
from data.manifest import Manifest
from edge.freshness import days_without_news, no_news
from edge.page import charts, sync_day
from edge.page.formatting import SyncSummary, sync_summary
from edge.page.forms import fields_of
from edge.page.grid import grid_of
from edge.page.port import (
    ApplianceStatus,
    Found,
    HeaderFound,
    HistoryFound,
    ModelFound,
    PageVerb,
    PickFound,
    PinFound,
    ReadReport,
    RejectedRating,
    ReportFound,
    ShowHeader,
    ShowHistory,
    ShowModel,
    ShowPick,
    ShowPin,
    ShowSlate,
    ShowSync,
    SlateFound,
    SyncFound,
)
from edge.page.stored_answer import read_answer

# What a manifest's figures are called here, and what they mean to someone who makes films; in
# another domain its words and scale stand there. Figures that aren't listed are shown under their
# own names.
_FIGURES = {
    "rmse": ("Root mean square error", "stars, large errors count more; lower is better"),
    "mae": ("Mean error", "stars; lower is better"),
    "accuracy": ("Exact hits", "share of films whose stars it got right; higher is better"),
    "within_one": ("Within {one}", "share of films; higher is better"),
    "regret": ("Regret", "stars lost by not choosing the best of 36 films; lower is better"),
    "optimism": (
        "Optimism",
        "stars by which its choice of 36 films fell short; nearer 0 is better",
    ),
    "best_films": ("Its highest ratings", "films: the best hundredth of those it hadn't seen"),
    "best_expected": ("Expected of those", "stars"),
    "best_stars": ("What they got", "stars"),
    "best_stated": (
        "Stated for {good} or more",
        "mean probability that those got {good}{unit} or more",
    ),
    "best_came_true": ("Came true", "share of those that got {good}{unit} or more"),
    "log_loss": ("Log loss", "how surprised it was by the real ratings; lower is better"),
}
_PREFIX = "cross_validated_"
# Figures in stars: differences between two ratings, and ratings.
_DIFFERENCES = {"rmse", "mae", "regret", "optimism", "press_gain"}
_RATINGS = {"best_expected", "best_stars"}


class NoReport(GreenlightError):
    """The active model has no report."""

    def __init__(self) -> None:
        super().__init__("The active model came without a report.")


class Ask(Protocol):
    """Asks the appliance on behalf of one session."""

    async def __call__(self, verb: PageVerb, found: type[Found]) -> Found:
        """Return the record that a verb names."""


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


def page_header(found: HeaderFound) -> PageHeader:
    """Return what every page shows."""
    rejected = found.rejected
    summary = sync_summary(
        found.sync, found.waiting, len(rejected), datetime.now(UTC), found.status.domain
    )
    return PageHeader(found.status, Delivery(summary, found.waiting, rejected))


async def pick_page(ask: Ask) -> dict[str, Any]:
    """Return what the page of the pick shows."""
    found = await ask(ShowPick(), PickFound)
    entry, answer = found.entry, read_answer(found.slate)
    values: dict[str, Any] = {
        "header": page_header(found.header),
        "entry": entry,
        "answer": answer,
        "awaiting": found.awaiting,
        "searching": found.header.status.searching,
    }
    if entry is not None:
        domain = found.header.status.domain
        values["chart"] = charts.distribution(entry.pick.prediction, domain)
        values["rays"] = charts.rays(entry.pick.prediction, domain)
        why = answer.picks[0].why if answer and answer.picks else None
        film, expected = entry.pick.combination, entry.pick.prediction.expected
        values["reasons"] = charts.reasons(film, expected, why, domain) if why else None
    return values


async def slate_page(ask: Ask, typed: str | None = None) -> dict[str, Any]:
    """Return what the page of the slate shows; with `typed`, also the directors it finds."""
    found = await ask(ShowSlate(typed), SlateFound)
    answer, domain = read_answer(found.slate), found.header.status.domain
    return {
        "header": page_header(found.header),
        "entry": found.entry,
        "answer": answer,
        "grid": grid_of(answer, domain) if answer else None,
        "catalogue": found.catalogue,
        "kinds": KINDS,
        "fields": fields_of(found.narrowing, domain),
        "typed": "",
        "found": found.found,
        "wrong": None,
    }


async def history_page(ask: Ask, most: int, step: int) -> dict[str, Any]:
    """Return what the page of the history shows: `most` picks, and how many more may follow."""
    found = await ask(ShowHistory(most + 1), HistoryFound)
    entries, domain = found.entries[:most], found.header.status.domain
    return {
        "header": page_header(found.header),
        "entries": entries,
        "timeline": charts.timeline(entries, domain=domain),
        "tracks": {entry.seq: charts.track(entry) for entry in entries},
        "more": most + step if len(found.entries) > most else None,
        "demonstration": found.header.status.demonstration,
    }


async def sync_page(ask: Ask) -> dict[str, Any]:
    """Return what the page of the sync service shows."""
    found, now = await ask(ShowSync(), SyncFound), datetime.now(UTC)
    return {
        "header": page_header(found.header),
        "timeline": sync_day.timeline(found, now, found.header.status.domain),
        "day": sync_day.queue_day(found.waiting, found.sent, now),
    }


async def report_page(ask: Ask) -> dict[str, Any]:
    """Return what the page around the model's report shows.

    Raises:
        NoReport: the model came without one.
    """
    # Here, so that a report that's refused is a page that says so, not an empty frame.
    if (await ask(ReadReport(), ReportFound)).content is None:
        raise NoReport
    return {"header": page_header(await ask(ShowHeader(), HeaderFound))}


async def pin_page(ask: Ask) -> dict[str, Any]:
    """Return what the page of the PIN shows."""
    header = await ask(ShowHeader(), HeaderFound)
    return {"header": page_header(header), "pin": (await ask(ShowPin(), PinFound)).pin}


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


async def model_page(ask: Ask) -> dict[str, Any]:
    """Return what the page of the model shows."""
    found = await ask(ShowModel(), ModelFound)
    active = found.active
    days = days_without_news(active.created_at, datetime.now(UTC)) if active else None
    return {
        "header": page_header(found.header),
        "manifest": found.active,
        "news": no_news(days) if days else None,
        "previous": found.previous,
        "figures": _figures(found.active, found.previous, found.header.status.domain),
        "own": found.own,
        "report": found.report,
        "events": found.events,
    }


def _figures(active: Manifest | None, previous: Manifest | None, domain: Domain) -> list[Figure]:
    """Return the figures, those explained here first."""
    if active is None:
        return []
    before = previous.metrics if previous else {}
    known = list(_FIGURES)
    keys = [key for key, value in active.metrics.items() if math.isfinite(value)]
    order = {key: place for place, key in enumerate(known)}
    keys.sort(key=lambda key: order.get(key.removeprefix(_PREFIX), len(known)))
    return [
        Figure(
            *_named(key, domain),
            value=_on_scale(key, active.metrics[key], domain),
            before=_on_scale(key, before[key], domain) if key in before else None,
        )
        for key in keys
    ]


def _named(key: str, domain: Domain) -> tuple[str, str]:
    bare = key.removeprefix(_PREFIX)
    name, meaning = _FIGURES.get(bare, (bare.replace("_", " "), ""))
    unit = domain.plain_unit
    one = "one star" if domain == FILMS else f"{domain.outcome.difference(1):.3g}{unit}"
    filled = (
        domain.say(text, one=one, good=domain.good_outcome, unit=unit) for text in (name, meaning)
    )
    return next(filled), next(filled)


def _on_scale(key: str, value: float, domain: Domain) -> float:
    """Return a figure of the manifest on the domain's scale."""
    bare = key.removeprefix(_PREFIX)
    if bare in _DIFFERENCES:
        return domain.outcome.difference(value)
    return domain.expected_outcome(value) if bare in _RATINGS else value
