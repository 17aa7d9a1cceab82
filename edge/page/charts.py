"""The geometry of the charts. The templates draw them as SVG, with text alternatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from data.films import GOOD_STARS, MAX_STARS, MIN_STARS, shown_stars
from data.picks import Pick, Prediction
from edge.page.formatting import listed, percent, short_day
from edge.page.port import PickEntry
from edge.page.stored_answer import StoredShares


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
        words: the chart as text.
    """

    width: float
    height: float
    base: float
    bars: tuple[Bar, ...]
    marker: float
    label: float
    expected: float
    eight_or_more: float
    words: str


def distribution(prediction: Prediction) -> Distribution:
    """Return the chart of a prediction's probabilities."""
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
                name=str(index + 1),
                value=f"{share:.0%}" if share >= 0.005 else "",
                good=index + 1 >= GOOD_STARS,
            )
        )
    shown = shown_stars(prediction.expected)
    eight_or_more = math.fsum(prediction.probabilities[GOOD_STARS - 1 :])
    likely = [
        f"{stars} {'star' if stars == 1 else 'stars'} {percent(share)}"
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
        eight_or_more=eight_or_more,
        words=f"{shown:.1f} stars expected. {listed(likely)}.",
    )


class Ray(msgspec.Struct, frozen=True):
    """One ray of the poster, as a polygon's points."""

    points: str
    good: bool


def rays(prediction: Prediction) -> tuple[Ray, ...]:
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
        found.append(Ray(points, index + 1 >= GOOD_STARS))
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


def reasons(pick: Pick, why: StoredShares) -> Reasons:
    """Return a pick's reasons; each bar starts where the previous one ended."""
    named = (
        (pick.director, why.director),
        (str(pick.year), why.year),
        (", ".join(pick.genres), why.genres),
    )
    ends = [why.average]
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
    return Reasons(why.average, tuple(shares), pick.prediction.expected)


class Point(msgspec.Struct, frozen=True):
    """A rated film on the timeline: its position, predicted and real stars.

    Attributes:
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
    day: str
    version: int | None


class Timeline(msgspec.Struct, frozen=True):
    """Predicted against real stars over time, oldest on the left.

    Attributes:
        lines: the scale: height and stars.
        error: how far off the predictions were on average, in stars.
        rmse: the root mean square error over the films up to each point, a line of `x,y` pairs.
        last_rmse: that of all films shown.
        words: the chart as text.
    """

    width: float
    height: float
    points: tuple[Point, ...]
    lines: tuple[tuple[float, int], ...]
    error: float
    rmse: str
    last_rmse: float
    words: str


_TOP, _BELOW, _LEFT, _STEP, _HEIGHT = 34, 60, 52, 46.0, 280.0


def timeline(entries: Sequence[PickEntry], most: int = 40) -> Timeline | None:
    """Return the chart of the newest rated films; None if none has been rated.

    Films follow the order of the journal, evenly spaced: a Pi without a clock may misdate some.

    Args:
        entries: from the journal, newest first.
        most: how many to show at most.
    """
    rated = [entry for entry in entries if entry.ratings][:most][::-1]
    if not rated:
        return None
    points: list[Point] = []
    squares: list[float] = []
    day, version = "", None
    for place, entry in enumerate(rated):
        predicted, real = entry.pick.prediction.expected, entry.ratings[0].stars
        on, by = short_day(entry.ratings[0].rated_at), entry.pick.model_version
        squares.append((shown_stars(predicted) - real) ** 2)
        points.append(
            Point(
                x=round(_LEFT + place * _STEP, 1),
                predicted_y=_level(predicted),
                real_y=_level(real),
                number=entry.seq,
                title=entry.pick.title,
                predicted=shown_stars(predicted),
                real=real,
                day=on if on != day else "",
                version=by if by != version else None,
            )
        )
        day, version = on, by
    error = math.fsum(abs(p.predicted - p.real) for p in points) / len(points)
    rmse = [math.sqrt(math.fsum(squares[: n + 1]) / (n + 1)) for n in range(len(squares))]
    texts = [f"{p.title}: predicted {p.predicted:.1f}, got {p.real:g}" for p in points]
    return Timeline(
        width=max(_LEFT + len(points) * _STEP, 400.0),
        height=_HEIGHT,
        points=tuple(points),
        lines=tuple((_level(stars), stars) for stars in (1, 4, 7, 10)),
        error=error,
        # On the scale of the stars, zero below 1.
        rmse=" ".join(f"{p.x},{_height(one)}" for p, one in zip(points, rmse, strict=True)),
        last_rmse=rmse[-1],
        words=f"On average {error:.1f} stars off, RMSE {rmse[-1]:.2f}. {'; '.join(texts)}.",
    )


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

    real = place(entry.ratings[0].stars) if entry.ratings else None
    return Track(place(entry.pick.prediction.expected), real)
