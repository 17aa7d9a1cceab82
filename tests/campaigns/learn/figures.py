"""Figures over the courses of many studios: means over worlds, their intervals, and the gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from .studio import Arm, Course

_INTERVAL = 0.95


class Spread(NamedTuple):
    """A mean over worlds and the ends of its 95% interval (Student's t); one world has none."""

    mean: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None:
            return f"{self.mean:+.3f} (one world: no interval)"
        return f"{self.mean:+.3f} (95% interval {self.low:+.3f} to {self.high:+.3f})"


class OfArm(msgspec.Struct, kw_only=True):
    """The results of one way of choosing.

    Attributes:
        stars: the true stars of its films, mean over all rounds.
        gain: the same less those of never retraining, world by world.
        last_gain: the gain in the last round.
        by_round: stars, and gain, of each round.
        explored: the share of its picks that were drawn to learn from and not the best.
        made, released: how many models were made, and how many the judge let pass.
    """

    stars: Spread
    gain: Spread
    last_gain: Spread
    by_round: list[Spread]
    gain_by_round: list[Spread]
    explored: float
    made: int
    released: int


class Figures(msgspec.Struct, kw_only=True):
    """What `make learn` writes into figures.json."""

    seeds: list[int]
    rounds: int
    presses: int
    arms: dict[str, OfArm]
    courses: list[Course]


def spread(values: Sequence[float] | NDArray[np.float64]) -> Spread:
    """Return mean and interval of one value from each world."""
    numbers = np.asarray(values, float)
    mean = float(numbers.mean())
    if len(numbers) < 2:
        return Spread(mean)
    error = float(numbers.std(ddof=1)) / len(numbers) ** 0.5
    half = float(student.ppf((1 + _INTERVAL) / 2, len(numbers) - 1)) * error
    return Spread(mean, mean - half, mean + half)


def figures_of(courses: Sequence[Course], arms: Sequence[Arm], never: str) -> Figures:
    """Return the figures of all courses; `never` names the arm that the gain is counted from."""
    base = stars_by_round(courses, never)
    of_arms = {}
    for arm in arms:
        stars = stars_by_round(courses, arm.name)
        gain = stars - base
        own = [course for course in courses if course.arm == arm.name]
        explored = [pick for course in own for picks in course.explored for pick in picks]
        of_arms[arm.name] = OfArm(
            stars=spread(stars.mean(axis=1)),
            gain=spread(gain.mean(axis=1)),
            last_gain=spread(gain[:, -1]),
            by_round=[spread(column) for column in stars.T],
            gain_by_round=[spread(column) for column in gain.T],
            explored=float(np.mean(explored)),
            made=sum(bool(reason) for course in own for reason in course.reasons),
            released=sum(sum(course.released) for course in own),
        )
    return Figures(
        seeds=sorted({course.seed for course in courses}),
        rounds=base.shape[1],
        presses=len(courses[0].stars[0]),
        arms=of_arms,
        courses=sorted(courses, key=lambda course: (course.seed, course.arm)),
    )


def stars_by_round(courses: Sequence[Course], arm: str) -> NDArray[np.float64]:
    """Return the mean true stars of each round, [worlds, rounds], worlds by seed."""
    of_arm = sorted((c for c in courses if c.arm == arm), key=lambda course: course.seed)
    return np.array([[np.mean(stars) for stars in course.stars] for course in of_arm])


def is_gain(gain: Spread) -> bool:
    """Return whether a gain is shown: its whole interval is above zero."""
    return gain.low is not None and gain.low > 0
