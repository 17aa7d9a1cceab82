"""The geometry of the charts. The templates draw them as SVG, with text alternatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from data.domain import FILMS, Domain
from data.films import MAX_STARS, MIN_STARS, Combination, shown_stars
from data.picks import Prediction
from edge.local_time import short_day
from edge.page.formatting import listed, percent
from edge.page.port import PickEntry
from edge.page.wording import Wording
from edge.search.explained import Why


class Bar(msgspec.Struct, frozen=True):
    """One bar: its box, the labels below and above it, and whether it counts as good."""

    x: float
    y: float
    width: float
    height: float
    name: str
    value: str
    good: bool


class Distribution(msgspec.Struct, frozen=True):
    """How likely each number of stars is.

    Attributes:
        marker: the expected stars' position from the left.
        label: the position of their label, kept inside the chart.
        good: the probability of a good outcome.
        words: the chart as text.
    """

    width: float
    height: float
    base: float
    bars: tuple[Bar, ...]
    marker: float
    label: float
    expected: float
    good: float
    words: str


def distribution(prediction: Prediction, domain: Domain = FILMS) -> Distribution:
    """Return the chart of a prediction's probabilities, on the domain's scale."""
    width, height, base, top, step = 420.0, 240.0, 178.0, 24.0, 42.0
    most = max(prediction.probabilities) or 1.0
    bars = []
    for index, share in enumerate(prediction.probabilities):
        tall = max((base - top) * share / most, 1.0)
        bars.append(
            Bar(
                x=round(index * step + 5, 1),
                y=round(base - tall, 1),
                width=step - 10,
                height=round(tall, 1),
                name=domain.shown_class(index + 1),
                value=f"{share:.0%}" if share >= 0.005 else "",
                good=index + 1 >= domain.good_stars,
            )
        )
    shown = shown_stars(prediction.expected)
    likely = [
        f"{domain.shown_class(stars)}{_unit(stars, domain)} {percent(share)}"
        for stars, share in enumerate(prediction.probabilities, 1)
    ]
    marker = round((shown - 1) * step + step / 2, 1)
    return Distribution(
        width=width,
        height=height,
        base=base,
        bars=tuple(bars),
        marker=marker,
        label=min(max(marker, 50.0), width - 50.0),
        expected=shown,
        good=domain.good_share(prediction.probabilities),
        words=f"{Wording(domain).shown(shown, 1)}{domain.plain_unit} expected. {listed(likely)}.",
    )


def _unit(stars: int, domain: Domain) -> str:
    return " star" if domain == FILMS and stars == 1 else domain.plain_unit


class Ray(msgspec.Struct, frozen=True):
    """One ray of the poster, as a polygon's points."""

    points: str
    good: bool


def rays(prediction: Prediction, domain: Domain = FILMS) -> tuple[Ray, ...]:
    """Return the poster's rays: one for each number of stars, the longer the likelier."""
    most = max(prediction.probabilities) or 1.0
    found = []
    for index, share in enumerate(prediction.probabilities):
        # A fan over the lower edge, one star on the left, ten on the right.
        middle = math.pi - math.pi * (index + 0.5) / MAX_STARS
        half = math.pi / MAX_STARS * 0.38
        length = 90 + 330 * math.sqrt(share / most)
        corners = [(0.0, 0.0)] + [
            (length * math.cos(angle), -length * math.sin(angle))
            for angle in (middle + half, middle - half)
        ]
        points = " ".join(f"{300 + x:.1f},{400 + y:.1f}" for x, y in corners)
        found.append(Ray(points, index + 1 >= domain.good_stars))
    return tuple(found)


class Share(msgspec.Struct, frozen=True):
    """What one choice adds to the average film, and its bar on a width of 100."""

    name: str
    stars: float
    x: float
    width: float


class Reasons(msgspec.Struct, frozen=True):
    """Why so many stars: the average film, what each choice adds, and where that leads."""

    average: float
    shares: tuple[Share, ...]
    expected: float


def reasons(film: Combination, expected: float, why: Why, domain: Domain = FILMS) -> Reasons:
    """Return a film's reasons; each bar starts where the previous one ended.

    What a stand-in adds, where the domain lacks an ordinal or tags, is part of the average.
    """
    average = why.in_domain(domain).average
    named = [(film.director, why.director)]
    if domain.ordinal:
        named.append((domain.named_ordinal(film.year), why.year))
    if domain.tags:
        named.append((", ".join(film.genres), why.genres))
    ends = [average]
    for _, stars in named:
        ends.append(ends[-1] + stars)
    low, high = min(ends), max(ends)
    scale = 96 / (high - low) if high > low else 0.0
    shares = [
        Share(
            name,
            stars,
            round((min(begin, begin + stars) - low) * scale + 1, 2),
            round(max(abs(stars) * scale, 1.0), 2),
        )
        for (name, stars), begin in zip(named, ends, strict=False)
    ]
    return Reasons(average, tuple(shares), expected)


class Point(msgspec.Struct, frozen=True):
    """A rated film on the timeline: its position, predicted and real stars.

    Attributes:
        got: what it got, on the domain's scale.
        day: when it was rated, where that begins a new day.
        version: of the model that predicted it, where that differs from the point before.
    """

    x: float
    predicted_y: float
    real_y: float
    number: int
    title: str
    predicted: float
    real: float
    got: str
    day: str
    version: int | None


class Timeline(msgspec.Struct, frozen=True):
    """Predicted against real stars over time, oldest on the left.

    Attributes:
        lines: the scale: height and outcome.
        error: how far off the predictions were on average, in stars.
        rmse: the root mean square error over the films up to each point, a line of `x,y` pairs.
        last_rmse: that of all films shown, in the domain's unit.
        words: the chart as text.
    """

    width: float
    height: float
    points: tuple[Point, ...]
    lines: tuple[tuple[float, str], ...]
    error: float
    rmse: str
    last_rmse: str
    words: str


_TOP, _BELOW, _LEFT, _STEP, _HEIGHT = 34, 60, 52, 56.0, 280.0


def timeline(
    entries: Sequence[PickEntry], most: int = 40, domain: Domain = FILMS
) -> Timeline | None:
    """Return the chart of the newest rated films; None if none has been rated.

    Films follow the order of the journal, evenly spaced: a Pi without a clock may misdate some.

    Args:
        entries: from the journal, newest first.
        most: how many to show at most.
        domain: whose words and scale to use.
    """
    rated = [entry for entry in entries if entry.ratings][:most][::-1]
    if not rated:
        return None
    points: list[Point] = []
    squares: list[float] = []
    day, version = "", None
    for place, entry in enumerate(rated):
        predicted, real = entry.pick.prediction.expected, _real(entry)
        on, by = short_day(entry.ratings[0].rated_at), entry.pick.model_version
        squares.append((shown_stars(predicted) - real) ** 2)
        points.append(
            Point(
                x=round(_LEFT + place * _STEP, 1),
                predicted_y=_level(predicted),
                real_y=_level(real),
                number=entry.seq,
                title=domain.shown_title(entry.pick.title, entry.pick.director),
                predicted=shown_stars(predicted),
                real=real,
                got=f"{domain.outcome.of_rating(real):.4g}",
                day=on if on != day else "",
                version=by if by != version else None,
            )
        )
        day, version = on, by
    error = math.fsum(abs(p.predicted - p.real) for p in points) / len(points)
    rmse = [math.sqrt(math.fsum(squares[: n + 1]) / (n + 1)) for n in range(len(squares))]
    say = Wording(domain)
    texts = [f"{p.title}: predicted {say.shown(p.predicted, 1)}, got {p.got}" for p in points]
    off = f"{say.apart(error)}{say.unit}"
    # One place more than the outcomes themselves.
    last = say.apart(rmse[-1], max(1, domain.outcome.decimals) + 1)
    return Timeline(
        width=max(_LEFT + len(points) * _STEP, 400.0),
        height=_HEIGHT,
        points=tuple(points),
        lines=tuple((_level(stars), domain.shown_class(stars)) for stars in (1, 4, 7, 10)),
        error=error,
        # On the scale of the stars, zero below 1.
        rmse=" ".join(f"{p.x},{_height(one)}" for p, one in zip(points, rmse, strict=True)),
        last_rmse=last,
        words=f"On average {off} off, RMSE {last}. {'; '.join(texts)}.",
    )


def _real(entry: PickEntry) -> float:
    """Return what it got, as exactly as it was given."""
    given = entry.ratings[0]
    return given.stars if given.rating is None else given.rating


def _level(stars: float) -> float:
    """Return the height of so many stars, within the scale."""
    return _height(shown_stars(stars))


def _height(stars: float) -> float:
    below = (MAX_STARS - stars) / (MAX_STARS - MIN_STARS)
    return round(_TOP + below * (_HEIGHT - _TOP - _BELOW), 1)


class Track(msgspec.Struct, frozen=True):
    """One film's stars on a line from 1 to 10: predicted, and real if it was rated."""

    predicted_x: float
    real_x: float | None


def track(entry: PickEntry) -> Track:
    """Return a film's predicted and real stars as positions on a line."""

    def place(stars: float) -> float:
        return round(12 + (shown_stars(stars) - MIN_STARS) / (MAX_STARS - MIN_STARS) * 296, 1)

    real = place(_real(entry)) if entry.ratings else None
    return Track(place(entry.pick.prediction.expected), real)
