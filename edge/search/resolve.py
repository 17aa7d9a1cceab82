"""From a slate to the space it means for one model."""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.films import KINDS, MAX_GENRES, Combination, combination
from edge.search.atlas import Atlas
from edge.search.slate import Genres, InvalidSlate, Slate, Years
from edge.search.space import Int64, Space


def resolve(
    slate: Slate, atlas: Atlas, rng: random.Random, leave_out: Collection[Combination] = ()
) -> Space:
    """Return the space that a slate means for one model.

    Args:
        slate: what a person asked for.
        atlas: of the model's catalogue.
        rng: for the slate's draws.
        leave_out: more combinations that were already made.

    Raises:
        InvalidSlate: naming the field that the model knows nothing of, or that leaves nothing.
    """
    made = [combination(film.director, film.year, film.genres) for film in slate.leave_out]
    return Space.of(
        atlas,
        _directors(slate, atlas, rng),
        _years(slate.years, atlas.catalogue, rng),
        _sets(slate.genres, atlas, rng),
        plausible=slate.plausible,
        left_out=[*made, *leave_out],
    )


def _directors(slate: Slate, atlas: Atlas, rng: random.Random) -> Int64:
    wanted = slate.directors
    chosen = np.ones(len(atlas.names), bool)
    if wanted.names:
        _known("directors.names", wanted.names, atlas.index_of_director)
        chosen[:] = False
        chosen[[atlas.index_of_director[name] for name in wanted.names]] = True
    if not slate.kinds:
        raise InvalidSlate("kinds", f"is empty; give some of {', '.join(KINDS)}")
    if set(slate.kinds) != set(KINDS):
        chosen &= atlas.makes[:, [KINDS.index(kind) for kind in slate.kinds]].any(axis=1)
    chosen &= atlas.films >= wanted.at_least_films
    return _drawn("directors", np.flatnonzero(chosen), wanted.draw, rng)


def _years(wanted: Years, catalogue: Catalogue, rng: random.Random) -> Int64:
    training, tables = catalogue.training_years, catalogue.years
    first = training.first if wanted.first is None else wanted.first
    last = max(training.last, first) if wanted.last is None else wanted.last
    years = list(wanted.only) if wanted.only else list(range(first, last + 1))
    if wanted.only and (wanted.first is not None or wanted.last is not None):
        raise InvalidSlate("years.only", "goes without first and last; leave one of them out")
    if not years:
        raise InvalidSlate("years", f"{first} comes after {last}; swap them")
    for year in (min(years), max(years)):
        if not tables.first <= year <= tables.last:
            raise InvalidSlate(
                "years", f"{year} is out of range; this model knows {tables.first} to {tables.last}"
            )
    return _drawn("years", np.array(sorted(set(years))) - tables.first, wanted.draw, rng)


def _sets(wanted: Genres, atlas: Atlas, rng: random.Random) -> Int64:
    sets, names = atlas.sets, atlas.sets.genres
    index = {name: number for number, name in enumerate(names)}
    _known("genres.allowed", wanted.allowed, index)
    _known("genres.required", wanted.required, index)
    if not 1 <= wanted.at_most <= MAX_GENRES:
        raise InvalidSlate("genres.at_most", f"is {wanted.at_most}; give 1 to {MAX_GENRES}")
    members = sets.members[:-1]
    chosen = sets.sizes[:-1] <= wanted.at_most
    if wanted.allowed:
        # The padding of smaller sets is always allowed.
        allowed = [*(index[name] for name in wanted.allowed), len(names)]
        chosen &= np.isin(members, allowed).all(axis=1)
    for name in wanted.required:
        chosen &= (members == index[name]).any(axis=1)
    return _drawn("genres", np.flatnonzero(chosen), wanted.draw, rng)


def _drawn(field: str, chosen: NDArray[np.int64], draw: int | None, rng: random.Random) -> Int64:
    if not len(chosen):
        raise InvalidSlate(field, "this leaves nothing to choose from; ask for less")
    if draw is None:
        return chosen
    if draw < 1:
        raise InvalidSlate(f"{field}.draw", f"is {draw}; give one or more")
    return np.array(sorted(rng.sample(chosen.tolist(), min(draw, len(chosen)))), np.int64)


def _known(field: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "see the model's catalogue"
            raise InvalidSlate(field, f"the model does not know {name!r}; {hint}")
