"""Features of a combination derived from the director's films. NaN means missing.

There are three families, each a function of one pair only, so that they can be tabulated: of the
director alone, of director and year, of director and genres. Residuals are ratings minus what year
and genres alone explain; a mean of few is shrunk towards zero by adding to its weight.
"""

from __future__ import annotations

import numpy as np

from training.model.careers import Floats, Ints, Stack, group_by
from training.model.columns import Columns
from training.model.mixed_model import MixedModel, likeness

# Pseudo-films that shrink a mean towards zero: about noise / level of the mixed model.
_SHRINK = 2.2
_NEAR_YEARS, _WIDE_YEARS = 6.0, 15.0
_HIGH_STARS = 7.5


def director_columns(stack: Stack) -> Floats:
    """Return the columns of `columns.DIRECTOR`, [k, columns]."""
    k, n = stack.directors, stack.films
    nothing = np.full(k, np.nan)
    films = np.full(k, float(n))
    if n == 0:
        empty = [nothing] * 9
        return np.stack([films, np.zeros(k), *empty, nothing, films, nothing, nothing], axis=1)
    spread = stack.ratings.std(axis=1) if n > 1 else nothing
    return np.stack(
        [
            films,
            stack.residuals.sum(axis=1) / (n + _SHRINK),
            stack.ratings.mean(axis=1),
            spread,
            stack.ratings.min(axis=1),
            stack.ratings.max(axis=1),
            np.median(stack.ratings, axis=1),
            (stack.ratings >= _HIGH_STARS).mean(axis=1),
            stack.years.mean(axis=1),
            stack.years.min(axis=1),
            stack.years.max(axis=1),
            stack.flags.sum(axis=(1, 2)) / n,
            (stack.flags.sum(axis=1) > 0).sum(axis=1).astype(float),
            stack.popularity.sum(axis=1) / (n + 1.0),
            stack.popularity.max(axis=1),
        ],
        axis=1,
    )


def time_columns(stack: Stack, years: Floats, model: MixedModel) -> Floats:
    """Return the columns of `columns.TIME` for each director's `years` [k, m], [k, m, columns]."""
    if stack.films == 0:
        zero, nothing = np.zeros(years.shape), np.full(years.shape, np.nan)
        return np.stack(
            [zero, zero, zero, nothing, nothing, nothing, nothing, zero, nothing], axis=2
        )
    since = years[:, :, None] - stack.years[:, None]
    apart = np.abs(since)
    residuals = stack.residuals[:, None]
    near, wide = np.exp(-apart / _NEAR_YEARS), np.exp(-apart / _WIDE_YEARS)
    return np.stack(
        [
            (near * residuals).sum(axis=2) / (near.sum(axis=2) + 0.8),
            near.sum(axis=2),
            (wide * residuals).sum(axis=2) / (wide.sum(axis=2) + 1.2),
            apart.min(axis=2),
            since.max(axis=2),
            since.min(axis=2),
            _last_three(since, residuals),
            model.time_part(stack, years),
            (near * stack.popularity[:, None]).sum(axis=2) / (near.sum(axis=2) + 0.5),
        ],
        axis=2,
    )


def _last_three(since: Floats, residuals: Floats) -> Floats:
    """Return the mean residual of the last three films up to the year; NaN before the first."""
    # A thousandth of a year each keeps films of one year in order.
    age = np.where(since >= 0, since + np.arange(since.shape[2]) * 1e-3, np.inf)
    last = np.argsort(age, axis=2)[:, :, :3]
    made = np.take_along_axis(since >= 0, last, axis=2)
    found = np.take_along_axis(np.broadcast_to(residuals, since.shape), last, axis=2)
    count = made.sum(axis=2)
    return np.where(count > 0, (found * made).sum(axis=2) / np.maximum(count, 1), np.nan)


def genre_columns(stack: Stack, flags: Floats, size: Floats, model: MixedModel) -> Floats:
    """Return the columns of `columns.GENRE`, [k, m, columns].

    Args:
        stack: k directors with n films each.
        flags: the asked sets' genres, [k, m, genres]; only a director's own ones matter.
        size: how many genres each asked set has, [k, m].
        model: gives the kernel's genre part.
    """
    if stack.films == 0:
        zero, nothing = np.zeros(size.shape), np.full(size.shape, np.nan)
        return np.stack([zero, zero, nothing, nothing, zero, zero, nothing, zero, zero], axis=2)
    residuals = stack.residuals[:, None]
    alike = likeness(flags, stack.flags, size)
    weight = alike + 0.05
    shared = flags @ np.swapaxes(stack.flags, 1, 2)
    jaccard = shared / (stack.flags.sum(axis=2)[:, None] + size[:, :, None] - shared)
    squared = jaccard**2
    films_in = stack.flags.sum(axis=1)
    affinity = (stack.flags * stack.residuals[:, :, None]).sum(axis=1) / (films_in + _SHRINK)
    return np.stack(
        [
            (weight * residuals).sum(axis=2) / (weight.sum(axis=2) + 1.2),
            weight.sum(axis=2),
            alike.max(axis=2),
            alike.mean(axis=2),
            model.genre_part(stack, alike),
            (squared * residuals).sum(axis=2) / (squared.sum(axis=2) + 0.6),
            jaccard.max(axis=2),
            (flags @ affinity[:, :, None])[..., 0] / size,
            (flags @ (films_in > 0).astype(float)[:, :, None])[..., 0] / size,
        ],
        axis=2,
    )


def rows(
    model: MixedModel, columns: Columns, numbers: Ints, years: Floats, flags: Floats
) -> Floats:
    """Return all feature columns of n combinations, [n, columns.width].

    Args:
        model: gives careers, base and the kernel's parts.
        columns: the position of each column.
        numbers: each combination's director in `model.careers`.
        years: [n].
        flags: genre flags, [n, genres].
    """
    table = columns.empty(len(numbers))
    size = np.maximum(flags.sum(axis=1), 1.0)
    table[:, columns.year] = years
    table[:, columns.size] = size
    table[:, columns.flags] = flags
    table[:, columns.base] = model.base(years, flags)
    table[:, columns.level] = model.base_level(flags)
    for films, found in group_by(model.careers.counts[numbers]):
        # Long careers in smaller portions, to limit the memory of [rows, films, genres].
        for at in np.array_split(found, max(1, found.size * max(films, 1) // 40_000)):
            stack = model.careers.stack(numbers[at], films)
            table[at, columns.director] = director_columns(stack)
            table[at, columns.time] = time_columns(stack, years[at, None], model)[:, 0]
            table[at, columns.genre] = genre_columns(stack, flags[at, None], size[at, None], model)[
                :, 0
            ]
    return table
