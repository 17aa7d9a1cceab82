"""Explores: always picking the best teaches a model little.

Thompson sampling (W. R. Thompson, 1933) with one sample for each director, from the uncertainty
that their known films leave; the exact best of score plus sample is picked. Few films leave much
uncertainty, so the samples find directors who may be better than the model thinks, and the more is
known the smaller they get. A director's sample is the same for all their combinations, so a pick is
always its director's own best film.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.catalogue import USUAL_SPREAD, Catalogue
from edge.search.search_space import Cells, Int64, SearchSpace
from edge.search.tables import SCORES_A_STAR, Int32
from edge.search.top import Found, Numbers


class Draw(NamedTuple):
    """The samples for the directors of a space, in scores, shape [directors]."""

    space: SearchSpace
    offsets: Int32

    def of(self, directors: Int64) -> Int32:
        """Return the samples of these directors of the catalogue."""
        offsets: Int32 = self.offsets[np.searchsorted(self.space.directors, directors)]
        return offsets

    def in_stars(self, directors: Int64) -> list[float]:
        """Return the same in stars."""
        stars: list[float] = (self.of(directors) / SCORES_A_STAR).tolist()
        return stars

    def on_scale_of(self, scores: Numbers, directors: Int64) -> Numbers:
        """Return the same on the scale of `scores`: whole numbers, or a tableless model's stars."""
        drawn = self.of(directors)
        return drawn if np.issubdtype(scores.dtype, np.integer) else drawn / SCORES_A_STAR


def draw_for(space: SearchSpace, rng: random.Random) -> Draw:
    """Return a sample for every director of a space."""
    return Draw(space, draw_offsets(space.index.catalogue, space.index.films[space.directors], rng))


def draw_offsets(
    catalogue: Catalogue, films: Sequence[int] | NDArray[np.int32], rng: random.Random
) -> Int32:
    """Return a sample of each director's posterior around the model's expectation, in scores.

    Args:
        catalogue: says how much uncertainty known films leave.
        films: how many films of each director are known, [n].
        rng: the same seed and films give the same samples.
    """
    spread = USUAL_SPREAD if catalogue.spread is msgspec.UNSET else catalogue.spread
    known = np.asarray(films, np.float64)
    deviation = SCORES_A_STAR * np.sqrt(
        spread.between * spread.within / (spread.within + known * spread.between)
    )
    normal = np.array([rng.gauss(0.0, 1.0) for _ in range(len(known))])
    offsets: Int32 = np.rint(normal * deviation).astype(np.int32)
    return offsets


def put_first(found: Found, raised: Found, drawn: Draw) -> Found:
    """Return the best films, preceded by the explored one, as many as were found.

    Args:
        found: the best by score alone.
        raised: the best by score plus sample.
        drawn: the samples, to subtract from its score again.
    """
    first = tuple(int(column[0]) for column in raised.cells)
    cells = zip(*(column.tolist() for column in found.cells), strict=True)
    others = [place for place, cell in enumerate(cells) if cell != first]
    others = others[: len(found.scores) - 1]
    own = raised.scores[:1] - drawn.on_scale_of(raised.scores, raised.cells.directors[:1])
    return Found(
        np.concatenate([own.astype(found.scores.dtype), found.scores[others]]),
        Cells(
            *(
                np.concatenate([new[:1], old[others]])
                for new, old in zip(raised.cells, found.cells, strict=True)
            )
        ),
    )
