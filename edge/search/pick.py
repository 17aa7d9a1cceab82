"""The answer to "what is the best film to make?": found, named, explained."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from data.domain import Domain
from data.films import GOOD_STARS, KINDS, Combination
from data.manifest import BestUnseen
from edge.search.among import best_among, count_among
from edge.search.answer import Answer, Choice, SlateAnswer, SpaceSummary
from edge.search.different import BY_DIRECTOR, Differ, different, find_different
from edge.search.domain_slate import in_domain
from edge.search.drawn_slate import DrawnSlate
from edge.search.exact import find
from edge.search.explain import explain
from edge.search.explore import draw_for, draw_offsets
from edge.search.model import Model, Rows, columns
from edge.search.resolve import asked_years, limits_to_drop, nothing_matches, resolve
from edge.search.rows import Progress
from edge.search.rules import bans_of
from edge.search.search_space import SearchSpace
from edge.search.slate import InvalidSlate, Slate
from edge.search.tables import SCORES_A_STAR
from edge.search.titles import TitleMaker


def choose(
    model: Model,
    slate: Slate,
    k: int = 1,
    *,
    repeat_directors: bool = False,
    differ: Collection[Differ] = (),
    seed: int = 0,
    explained: bool = True,
    leave_out: Collection[Combination] = (),
    explore: bool = False,
    progress: Progress | None = None,
    today: int | None = None,
) -> Answer:
    """Return the best films of a slate, exactly.

    Args:
        model: scores them.
        slate: what to choose from.
        k: how many films to list.
        repeat_directors: False for the best of k different directors, True for the best k of all.
        differ: the choices in which the films must differ instead.
        seed: for the slate's draws and the titles.
        explained: whether to give reasons.
        leave_out: combinations that were already made, in addition to the slate's own.
        explore: whether to list a film sampled to learn from before the best.
        progress: called with the rows scored if a search goes row by row.
        today: this calendar year, if the clock is set.

    Raises:
        InvalidSlate: the slate asks for something the model doesn't know, or is empty.
    """
    if k < 1:
        raise InvalidSlate(model.domain.say("Ask for one film or more, not {k}", k=k))
    if explore and set(differ) - {"director"}:
        alone = "A film to learn from is listed with others of different directors only"
        raise InvalidSlate(model.domain.say(alone))
    started = time.perf_counter()
    asked, slate = slate, in_domain(slate, model.domain)
    rng = random.Random(seed)
    space = resolve(slate, model.index, rng, leave_out, today=today)
    if not space.size:
        raise nothing_matches(asked, model, leave_out, today=today)
    # One more than requested, for the runner-up.
    drawn = draw_for(space, _chance(seed)) if explore else None
    if set(differ) - {"director"}:
        confirmed = find_different(model, space, max(k, 2), differ, progress)
    else:
        confirmed = find(
            model,
            space,
            max(k, 2),
            repeat_directors=repeat_directors and not differ,
            drawn=drawn,
            progress=progress,
        )
    searched, found, rows, looked_at, warnings, fault = confirmed
    seconds = time.perf_counter() - started
    titles = TitleMaker(model.catalogue.titles, rng)
    films = [space.combination(*place) for place in zip(*found.cells, strict=True)]
    choices = _choices(
        model,
        films,
        [titles.make() for _ in films],
        rows,
        explained=k if explained else 0,
        drawn=None if drawn is None else drawn.in_stars(found.cells.directors),
    )
    return Answer(
        **_listed(model, choices, k, differ, warnings),
        space=_summary(space, slate, asked_years(slate.years, model.index, today)),
        searched=searched,
        looked_at=looked_at,
        seconds=seconds,
        fault=fault,
        seed=seed,
    )


def choose_drawn(
    model: Model,
    slate: DrawnSlate,
    k: int = 1,
    *,
    repeat_directors: bool = False,
    differ: Collection[Differ] = (),
    seed: int = 0,
    explained: bool = True,
    explore: bool = False,
) -> SlateAnswer:
    """Score a drawn slate in one call and return its best films.

    Args:
        model: that judges them.
        slate: from `draw_slate`.
        k: how many films to list.
        repeat_directors: False for the best of k different directors, True for the best k of all.
        differ: in which choices the films must differ instead.
        seed: that the slate was drawn with, for the record.
        explained: whether to say why.
        explore: whether to put before the best a film that is drawn to learn from.
    """
    started = time.perf_counter()
    films = [option.combination for option in slate.options]
    rows = model.rows(*columns(films))
    seconds = time.perf_counter() - started
    drawn = _offsets_for_slate(model, slate, seed) if explore else {}
    differ = differ or (() if repeat_directors else BY_DIRECTOR)
    order = _ranked(films, rows.expected.tolist(), drawn, differ)
    best = order[: max(k, 2)]
    choices = _choices(
        model,
        [films[place] for place in best],
        [slate.options[place].title for place in best],
        rows.take(best),
        explained=k if explained else 0,
        drawn=[drawn[films[place].director] for place in best] if explore else None,
    )
    return SlateAnswer(
        **_listed(model, choices, k, differ),
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
        fault=None,
        seed=seed,
        slate=slate,
        expected=tuple(rows.expected.tolist()),
    )


def choose_among(
    model: Model,
    source: Path,
    k: int = 1,
    *,
    differ: Collection[Differ] = BY_DIRECTOR,
    rules: Sequence[str] = (),
    leave_out: Collection[Combination] = (),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Answer:
    """Return the best rows of a film table, exactly, whether or not the model knows their names.

    Args:
        model: that judges them.
        source: the table; see `best_among`.
        k: how many films to list.
        differ: in which choices they must differ from one another.
        rules: sentences that exclude some (`edge.search.rules`).
        leave_out: combinations that were already made.
        seed: for the titles of rows without one.
        progress: called with the rows read.

    Raises:
        InvalidSlate: a rule is wrong, or no row is left.
        TableUnreadable: the file isn't such a table.
    """
    bans, problems = bans_of(
        rules, model.index.sets.genres, model.index.index_of_director, model.domain
    )
    if problems:
        raise InvalidSlate(problems)
    started = time.perf_counter()
    among = best_among(
        model,
        source,
        max(k, 2),
        differ=differ,
        bans=bans,
        leave_out=leave_out,
        progress=progress,
    )
    if not among.best:
        raise InvalidSlate(_no_row(model, source, rules, leave_out))
    films = [row.film for row in among.best]
    rows = model.rows(*columns(films))
    seconds = time.perf_counter() - started
    titles = TitleMaker(model.catalogue.titles, random.Random(seed))
    names = [row.title or titles.make() for row in among.best]
    choices = _choices(model, films, names, rows, explained=k, drawn=None)
    return Answer(
        **_listed(model, choices, k, differ),
        space=SpaceSummary(
            size=among.rows,
            directors=among.directors,
            years=len(among.years),
            first_year=among.years[0],
            last_year=among.years[-1],
            genre_sets=among.genre_sets,
            plausible=False,
            kinds=KINDS,
        ),
        searched="file",
        looked_at=among.rows,
        seconds=seconds,
        fault=None,
        seed=seed,
    )


class _Listed(TypedDict):
    """What every answer says of its films and of the model that judged them."""

    picks: tuple[Choice, ...]
    runner_up: Choice | None
    warnings: tuple[str, ...]
    model_name: str
    model_version: int
    model_hash: str
    best_unseen: BestUnseen | None
    explored: bool


def _listed(
    model: Model,
    choices: Sequence[Choice],
    k: int,
    differ: Collection[Differ],
    warnings: Sequence[str] = (),
) -> _Listed:
    return {
        "picks": tuple(choices[:k]),
        "runner_up": choices[1] if len(choices) > 1 else None,
        "warnings": (
            *warnings,
            *_carried_forward(model, choices),
            *_fewer(choices, k, differ, model.domain),
        ),
        "model_name": model.name,
        "model_version": model.version,
        "model_hash": model.hash,
        "best_unseen": model.best_unseen,
        "explored": _explored(choices),
    }


def _no_row(
    model: Model, source: Path, rules: Sequence[str], leave_out: Collection[Combination]
) -> str:
    """Return what to lift so that rows of a file are left."""
    domain = model.domain

    def count(wider: Slate, made: Collection[Combination]) -> int:
        known = model.index.index_of_director
        bans, _ = bans_of(wider.rules, model.index.sets.genres, known, domain)
        return count_among(source, bans, made)

    # Of a slate's limits, only the rules apply to a file.
    limits, rows = limits_to_drop(Slate(rules=tuple(rules)), domain, leave_out, count)
    if not rows:
        return f"{source} has no rows"
    found = "Nothing matches. Without {limits} it would be {rows:,} rows"
    return domain.say(found, limits=limits, rows=rows)


def _fewer(
    choices: Sequence[Choice], k: int, differ: Collection[Differ], domain: Domain
) -> list[str]:
    """Return a warning if there are fewer films than asked for."""
    if len(choices) >= k or not differ:
        return []
    count = "is only 1 film" if len(choices) == 1 else f"are only {len(choices):,} films"
    return [domain.say(f"there {count} that differ in {' and '.join(sorted(differ))}")]


def _chance(seed: int) -> random.Random:
    """Return the random generator for exploring; titles and slate don't depend on it."""
    return random.Random(f"explore {seed}")


def _offsets_for_slate(model: Model, slate: DrawnSlate, seed: int) -> dict[str, float]:
    """Return the sample for each of the slate's directors, in stars."""
    able = [entry for entry in model.catalogue.directors if entry.name in slate.directors]
    offsets = draw_offsets(model.catalogue, [entry.films for entry in able], _chance(seed))
    stars = (offsets / SCORES_A_STAR).tolist()
    return {entry.name: drawn for entry, drawn in zip(able, stars, strict=True)}


def _ranked(
    films: Sequence[Combination],
    stars: Sequence[float],
    drawn: Mapping[str, float],
    differ: Collection[Differ],
) -> list[int]:
    """Return positions, best first, preceded by the best with the sample added, if there is one."""
    order = sorted(range(len(films)), key=lambda place: (-stars[place], films[place]))
    order = different(order, films, differ)
    if not drawn:
        return order
    first = min(
        order, key=lambda place: (-stars[place] - drawn[films[place].director], films[place])
    )
    return [first, *(place for place in order if place != first)]


def _explored(choices: Sequence[Choice]) -> bool:
    """Return whether the first was explored: it isn't the best."""
    ranks = [(-choice.expected, choice.combination) for choice in choices[:2]]
    return ranks != sorted(ranks)


def _choices(
    model: Model,
    films: Sequence[Combination],
    titles: Sequence[str],
    rows: Rows,
    *,
    explained: int,
    drawn: Sequence[float] | None,
) -> list[Choice]:
    """Return films for the answer; the first `explained` of them with their reasons."""
    expected = rows.expected.tolist()
    scores = [None] * len(expected) if rows.score is None else rows.score.tolist()
    assert rows.probabilities is not None
    shown = min(explained, len(films))
    reasons = explain(model, films[:shown], expected[:shown]) if shown else []
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
            drawn=more,
        )
        for film, title, stars, chances, score, why, more in zip(
            films,
            titles,
            expected,
            rows.probabilities.tolist(),
            scores,
            [*reasons, *[None] * (len(films) - shown)],
            [None] * len(films) if drawn is None else drawn,
            strict=True,
        )
    ]


def _carried_forward(model: Model, choices: Sequence[Choice]) -> list[str]:
    newest = model.catalogue.training_years.last
    if not any(choice.year > newest for choice in choices):
        return []
    ahead = "the model's newest film is of {newest}; later years are carried forward"
    return [model.domain.say(ahead, newest=model.domain.shown_ordinal(newest))]


def _summary(space: SearchSpace, slate: Slate, asked: Sequence[int]) -> SpaceSummary:
    drawn = slate.years.draw is not None
    return SpaceSummary(
        size=space.size,
        directors=len(space.directors),
        years=len(space.years),
        first_year=int(space.calendar[0]) if drawn else asked[0],
        last_year=int(space.calendar[-1]) if drawn else asked[-1],
        genre_sets=len(space.sets),
        plausible=space.plausible,
        kinds=slate.kinds,
    )
