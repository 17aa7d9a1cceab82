"""From a slate to the space it means for one model."""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.films import KINDS, MAX_GENRES, Combination, combination
from edge.search.catalogue_index import CatalogueIndex
from edge.search.search_space import Int64, SearchSpace
from edge.search.slate import Genres, InvalidSlate, Slate, Years


def resolve(
    slate: Slate, index: CatalogueIndex, rng: random.Random, leave_out: Collection[Combination] = ()
) -> SearchSpace:
    """Return the space that a slate means for one model.

    Args:
        slate: what a person asked for.
        index: of the model's catalogue.
        rng: for the slate's draws.
        leave_out: more combinations that were already made.

    Raises:
        InvalidSlate: the model doesn't know something of it, or it leaves nothing to choose from.
    """
    made = [combination(film.director, film.year, film.genres) for film in slate.leave_out]
    return SearchSpace.of(
        index,
        _directors(slate, index, rng),
        _years(slate.years, index.catalogue, rng),
        _sets(slate.genres, index, rng),
        plausible=slate.plausible,
        left_out=[*made, *leave_out],
    )


def _directors(slate: Slate, index: CatalogueIndex, rng: random.Random) -> Int64:
    wanted = slate.directors
    chosen = np.ones(len(index.names), bool)
    if wanted.names:
        _known("director", wanted.names, index.index_of_director)
        chosen[:] = False
        chosen[[index.index_of_director[name] for name in wanted.names]] = True
    if not slate.kinds:
        raise InvalidSlate(f"Name at least one kind of film: {', '.join(KINDS)}")
    if set(slate.kinds) != set(KINDS):
        chosen &= index.makes[:, [KINDS.index(kind) for kind in slate.kinds]].any(axis=1)
    chosen &= index.films >= wanted.at_least_films
    return _drawn("directors", np.flatnonzero(chosen), wanted.draw, rng)


def _years(wanted: Years, catalogue: Catalogue, rng: random.Random) -> Int64:
    training, tables = catalogue.training_years, catalogue.years
    first = training.first if wanted.first is None else wanted.first
    last = max(training.last, first) if wanted.last is None else wanted.last
    years = list(wanted.only) if wanted.only else list(range(first, last + 1))
    if wanted.only and (wanted.first is not None or wanted.last is not None):
        raise InvalidSlate("Give either single years or a first and last year, not both")
    if not years:
        raise InvalidSlate(f"The first year, {first}, comes after the last, {last}; swap them")
    for year in (min(years), max(years)):
        if not tables.first <= year <= tables.last:
            raise InvalidSlate(
                f"The year {year} is out of range: this model knows {tables.first} to {tables.last}"
            )
    return _drawn("years", np.array(sorted(set(years))) - tables.first, wanted.draw, rng)


def _sets(wanted: Genres, index: CatalogueIndex, rng: random.Random) -> Int64:
    sets, names = index.sets, index.sets.genres
    number_of = {name: number for number, name in enumerate(names)}
    _known("genre", [*wanted.allowed, *wanted.required], number_of)
    if not 1 <= wanted.at_most <= MAX_GENRES:
        raise InvalidSlate(f"A film has 1 to {MAX_GENRES} genres, not at most {wanted.at_most}")
    members = sets.members[:-1]
    chosen = sets.sizes[:-1] <= wanted.at_most
    if wanted.allowed:
        # The padding of smaller sets is always allowed.
        allowed = [*(number_of[name] for name in wanted.allowed), len(names)]
        chosen &= np.isin(members, allowed).all(axis=1)
    for name in wanted.required:
        chosen &= (members == number_of[name]).any(axis=1)
    return _drawn("genre sets", np.flatnonzero(chosen), wanted.draw, rng)


def _drawn(field: str, chosen: NDArray[np.int64], draw: int | None, rng: random.Random) -> Int64:
    if not len(chosen):
        raise InvalidSlate(f"Nothing matches: these limits leave no {field}; allow more of them")
    if draw is None:
        return chosen
    if draw < 1:
        raise InvalidSlate(f"Draw at least one of the {field}, not {draw}")
    return np.array(sorted(rng.sample(chosen.tolist(), min(draw, len(chosen)))), np.int64)


def _known(what: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "see the model's catalogue"
            raise InvalidSlate(f"The model doesn't know the {what} {name!r}; {hint}")
