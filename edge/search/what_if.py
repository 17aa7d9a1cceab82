"""What if: a film's score, distribution and reasons, and what would make it better."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from data.domain import Domain
from data.films import GOOD_STARS, KINDS, Combination, combination
from edge.search.domain_slate import in_domain
from edge.search.exact import find
from edge.search.explain import explain
from edge.search.explained import Better, ChoiceName, Explained
from edge.search.model import Model
from edge.search.names import did_you_mean, known_as
from edge.search.resolve import next_years, resolve
from edge.search.slate import Directors, Genres, InvalidSlate, Slate, Years


class NotWanted(Exception):
    """This answer isn't needed any more: somebody asked again, or pressed."""


def _always() -> bool:
    return True


def explain_film(
    model: Model,
    film: Combination,
    *,
    today: int | None = None,
    wanted: Callable[[], bool] = _always,
    near_names: bool = False,
) -> Explained:
    """Explain a film, in the words of the model's domain; takes some milliseconds.

    Args:
        model: explains it.
        film: any film; case, accents and punctuation of its names don't matter. An unknown director
            counts as a newcomer, an unknown genre as none.
        today: the current calendar year, if the clock is set.
        wanted: called between steps; once it returns False, the work is cancelled.
        near_names: also name the known director nearest to an unknown one, which takes a while.

    Raises:
        NotWanted: it was cancelled.
    """
    _check(wanted)
    film = _with_known_names(model, film)
    (prediction,) = model.predict([film])
    _check(wanted)
    (why,) = explain(model, [film], [prediction.expected])
    better = []
    for choice in _choices(model.domain):
        _check(wanted)
        found = _best_change(model, film, choice, today)
        if found is not None:
            best, expected = found
            better.append(Better(choice, best, expected, expected - prediction.expected))
    better.sort(key=lambda change: -change.gain)
    return Explained(
        film,
        prediction,
        sum(prediction.probabilities[GOOD_STARS - 1 :]),
        why,
        tuple(better),
        tuple(_notes(model, film, near_names=near_names)),
    )


def _with_known_names(model: Model, film: Combination) -> Combination:
    """Return a film with director and genres spelt as the model spells them."""
    director = known_as(film.director, model.index.index_of_director)
    genres = [known_as(genre, model.index.sets.genres) for genre in film.genres]
    return combination(director, film.year, genres)


def _check(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise NotWanted


def _choices(domain: Domain) -> Iterator[ChoiceName]:
    yield "director"
    if domain.ordinal is not None:
        yield "year"
    if domain.tags is not None:
        yield "genres"


def _best_change(
    model: Model, film: Combination, choice: ChoiceName, today: int | None
) -> tuple[Combination, float] | None:
    """Return the best plausible film with another director, year or set of genres."""
    years = _years_to_try(model, film, today) if choice == "year" else (film.year,)
    same = Genres(allowed=film.genres, required=film.genres)
    slate = Slate(
        directors=Directors() if choice == "director" else Directors(names=(film.director,)),
        years=Years(only=years),
        genres=Genres() if choice == "genres" else same,
        kinds=KINDS,
    )
    try:
        slate = in_domain(slate, model.domain)
        space = resolve(slate, model.index, random.Random(0), [film], today=today)
    except InvalidSlate:
        return None
    if not space.size:
        return None
    best = find(model, space, 1, repeat_directors=False)
    cell = next(zip(*best.found.cells, strict=True))
    return space.combination(*map(int, cell)), float(best.rows.expected[0])


def _years_to_try(model: Model, film: Combination, today: int | None) -> tuple[int, ...]:
    training = model.catalogue.training_years
    known = range(training.first, training.last + 1)
    if model.domain.ordinal is None or not model.domain.ordinal.context:
        return tuple(known)
    ahead = next_years(model.catalogue, today)
    # A film that is still to be made can't be made in the past.
    return tuple(ahead) if film.year >= ahead[0] else tuple(sorted({*known, *ahead}))


def _notes(model: Model, film: Combination, *, near_names: bool) -> Iterator[str]:
    index, domain = model.index, model.domain
    training = model.catalogue.training_years
    say = domain.say
    if film.director not in index.index_of_director:
        near = did_you_mean(film.director, index.index_of_director) if near_names else ""
        unknown = f"the model doesn't know {film.director}: this is what it expects of a newcomer"
        yield f"{unknown}; {near}" if near else unknown
    for genre in film.genres:
        if genre not in index.sets.genres:
            near = did_you_mean(genre, index.sets.genres)
            unknown = f"the model doesn't know {say('the genre')} {genre}: it counts as none"
            yield f"{unknown}; {near}" if near else unknown
    if film.year > training.last:
        newest = domain.shown_ordinal(training.last)
        ahead = "the model's newest film is of {newest}; later years are carried forward"
        yield say(ahead, newest=newest)
    elif film.year < training.first:
        oldest = domain.shown_ordinal(training.first)
        before = "the model's oldest film is of {oldest}; earlier years count as that"
        yield say(before, oldest=oldest)
