"""The answer to "what is the best film to make?": searched, confirmed, explained.

The tables find the best; then ONNX Runtime scores what was found and must agree to the last bit.
If it does not, something is wrong with the device or the bundle: the answer says so, and is found
again by scoring row by row.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Sequence

import numpy as np

from data.films import Combination
from edge.search.answer import GOOD_STARS, Answer, Choice, ClassicAnswer, How, SpaceSummary
from edge.search.best import Search
from edge.search.classic import ClassicSlate
from edge.search.explain import explain
from edge.search.model import Model, Rows, columns
from edge.search.rows import Progress, best_by_rows
from edge.search.slate import InvalidSlate, Slate, resolve
from edge.search.space import Space
from edge.search.titles import TitleMaker
from edge.search.top import Found

# A score is a whole number of these.
_GRID = np.float32(2.0**-12)


def choose(
    model: Model,
    slate: Slate,
    k: int = 1,
    *,
    repeat_directors: bool = False,
    seed: int = 0,
    explained: bool = True,
    leave_out: Collection[Combination] = (),
    progress: Progress | None = None,
) -> Answer:
    """Return the best films of a slate, exactly.

    Args:
        model: that judges them.
        slate: what there is to choose from.
        k: how many films to list.
        repeat_directors: False for the best of k different directors, True for the best k of all.
        seed: for the slate's draws and the titles.
        explained: whether to tell why.
        leave_out: combinations that were already made, besides the slate's own.
        progress: told of rows scored, should a search go row by row.

    Raises:
        InvalidSlate: if the slate asks for what the model does not know, or holds nothing.
    """
    if k < 1:
        raise InvalidSlate("k", f"is {k}; give one or more")
    started = time.perf_counter()
    rng = random.Random(seed)
    space = resolve(slate, model.atlas, rng, leave_out)
    if not space.size:
        raise InvalidSlate("slate", "holds no combination; widen it, or allow implausible ones")
    # One more than asked for, so that there is a runner-up.
    searched, found, rows, looked_at, warnings, fault = _search(
        model, space, max(k, 2), repeat_directors=repeat_directors, progress=progress
    )
    seconds = time.perf_counter() - started
    titles = TitleMaker(model.catalogue.titles, rng)
    films = [model.atlas.combination(*place) for place in zip(*found.cells, strict=True)]
    choices = _choices(
        model, films, [titles.make() for _ in films], rows, explained=k if explained else 0
    )
    if any(choice.extrapolated for choice in choices):
        last = model.catalogue.training_years.last
        warnings.append(f"years after {last} lie beyond what the model learnt from")
    return Answer(
        picks=tuple(choices[:k]),
        runner_up=choices[1] if len(choices) > 1 else None,
        space=_summary(space, slate),
        searched=searched,
        looked_at=looked_at,
        seconds=seconds,
        warnings=tuple(warnings),
        fault=fault,
        seed=seed,
        model_name=model.name,
        model_version=model.version,
        model_hash=model.hash,
    )


def _search(
    model: Model, space: Space, k: int, *, repeat_directors: bool, progress: Progress | None
) -> tuple[How, Found, Rows, int, list[str], str | None]:
    """Return how the best were found, which they are, what the graph says, and what went wrong."""
    warnings, fault = [], None
    if (tables := model.tables) is not None:
        search = Search(tables, space)
        found = search.best(k, repeat_directors=repeat_directors)
        rows = confirm(model, space, found)
        if agrees(found, rows):
            return "tables", found, rows, search.effort.combinations, [], None
        fault = (
            "tables and ONNX Runtime disagree about the best films: the bundle or this device is "
            "faulty; the answer was found by scoring row by row"
        )
    else:
        warnings.append("the bundle has no tables: every combination was scored, row by row")
    found = best_by_rows(model, space, k, repeat_directors=repeat_directors, progress=progress)
    return "rows", found, confirm(model, space, found), space.size, warnings, fault


def confirm(model: Model, space: Space, found: Found) -> Rows:
    """Return what ONNX Runtime says of the combinations found."""
    return model.rows(*space.atlas.columns(*found.cells))


def agrees(found: Found, rows: Rows) -> bool:
    """Return whether scores from the tables are the graph's, and its stars theirs, bit for bit."""
    if rows.score is None:
        return False
    stars = found.scores.astype(np.float32) * _GRID
    same_bits = stars.view(np.int32) == rows.expected.view(np.int32)
    return bool(np.array_equal(found.scores, rows.score) and same_bits.all())


def choose_classic(
    model: Model,
    slate: ClassicSlate,
    k: int = 1,
    *,
    repeat_directors: bool = False,
    seed: int = 0,
    explained: bool = True,
) -> ClassicAnswer:
    """Score the original's slate in one call and return its best films.

    Args:
        model: that judges them.
        slate: from `classic_slate`.
        k: how many films to list.
        repeat_directors: False for the best of k different directors, True for the best k of all.
        seed: that the slate was drawn with, for the record.
        explained: whether to tell why.
    """
    started = time.perf_counter()
    films = [candidate.combination for candidate in slate.candidates]
    rows = model.rows(*columns(films))
    seconds = time.perf_counter() - started
    scores = (rows.expected if rows.score is None else rows.score).tolist()
    order = sorted(range(len(films)), key=lambda place: (-scores[place], films[place]))
    if not repeat_directors:
        best_of: dict[str, int] = {}
        for place in order:
            best_of.setdefault(films[place].director, place)
        order = list(best_of.values())
    best = order[: max(k, 2)]
    choices = _choices(
        model,
        [films[place] for place in best],
        [slate.candidates[place].title for place in best],
        rows.take(best),
        explained=k if explained else 0,
    )
    return ClassicAnswer(
        picks=tuple(choices[:k]),
        runner_up=choices[1] if len(choices) > 1 else None,
        space=SpaceSummary(
            size=len(films),
            directors=len(slate.directors),
            years=len(slate.years),
            first_year=slate.years[0],
            last_year=slate.years[-1],
            genre_sets=len(slate.genre_sets),
            plausible=False,
            kinds=("film",),
        ),
        searched="slate",
        looked_at=len(films),
        seconds=seconds,
        warnings=(),
        fault=None,
        seed=seed,
        model_name=model.name,
        model_version=model.version,
        model_hash=model.hash,
        slate=slate,
        expected=tuple(rows.expected.tolist()),
    )


def _choices(
    model: Model, films: Sequence[Combination], titles: Sequence[str], rows: Rows, *, explained: int
) -> list[Choice]:
    """Return films as the answer tells them; the first `explained` of them with their reasons."""
    expected = rows.expected.tolist()
    scores = [None] * len(expected) if rows.score is None else rows.score.tolist()
    assert rows.probabilities is not None
    told = min(explained, len(films))
    reasons = explain(model, films[:told], expected[:told]) if told else []
    training = model.catalogue.training_years
    return [
        Choice(
            title=title,
            director=film.director,
            year=film.year,
            genres=film.genres,
            expected=stars,
            probabilities=tuple(chances),
            score=score,
            eight_or_more=sum(chances[GOOD_STARS - 1 :]),
            extrapolated=not training.first <= film.year <= training.last,
            why=why,
        )
        for film, title, stars, chances, score, why in zip(
            films,
            titles,
            expected,
            rows.probabilities.tolist(),
            scores,
            [*reasons, *[None] * (len(films) - told)],
            strict=True,
        )
    ]


def _summary(space: Space, slate: Slate) -> SpaceSummary:
    first = space.atlas.first_year
    return SpaceSummary(
        size=space.size,
        directors=len(space.directors),
        years=len(space.years),
        first_year=int(space.years[0]) + first,
        last_year=int(space.years[-1]) + first,
        genre_sets=len(space.sets),
        plausible=space.plausible,
        kinds=slate.kinds,
    )
