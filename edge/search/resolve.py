"""From a slate to the space it means for one model."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.domain import Domain
from data.films import KINDS, MAX_GENRES, MAX_YEAR, MIN_YEAR, Combination
from edge.search.catalogue_index import CatalogueIndex
from edge.search.domain_slate import in_domain
from edge.search.forbidden import MOST_BANS, Forbidden
from edge.search.names import did_you_mean, known_as
from edge.search.rules import Ban, bans_of
from edge.search.search_space import Int64, SearchSpace
from edge.search.slate import Genres, InvalidSlate, Slate, Years

if TYPE_CHECKING:
    from edge.search.model import Model

# A press asks for a film of this year or the next ones.
NEXT_YEARS = 3
_MADE = "leaving out what was already made"


def resolve(
    slate: Slate,
    index: CatalogueIndex,
    rng: random.Random,
    leave_out: Collection[Combination] = (),
    *,
    today: int | None = None,
) -> SearchSpace:
    """Return the space that a slate means for one model.

    Args:
        slate: the owner's; case, accents and punctuation of its names don't matter.
        index: of the model's catalogue.
        rng: for the slate's draws.
        leave_out: more combinations that were already made.
        today: this calendar year, if the clock is set.

    Raises:
        InvalidSlate: it contradicts itself or the model doesn't know something of it; with
            everything that is wrong.
    """
    slate = _with_known_names(slate, index)
    # Only rules and names need the directors by name, which takes megabytes for many.
    bans: list[Ban] = []
    problems: list[str] = []
    if slate.rules:
        bans, problems = bans_of(
            slate.rules, index.sets.genres, index.index_of_director, index.domain
        )
    if len(bans) > MOST_BANS:
        problems.append(f"The rules come to {len(bans)} bans; use fewer, {MOST_BANS} at most")
    problems = [*_faults(slate, index, today), *problems]
    if problems:
        raise InvalidSlate(problems)
    made = [film.combination for film in slate.leave_out]
    columns = _columns(slate.years, index, today)
    years = _drawn(np.array(sorted(columns), np.int64), slate.years.draw, rng)
    calendar = np.array([columns[column][0] for column in years.tolist()], np.int64)
    return SearchSpace.of(
        index,
        _directors(slate, index, rng),
        years,
        _sets(slate.genres, index, rng),
        plausible=slate.plausible,
        left_out=[*made, *leave_out],
        calendar=calendar,
        going_on=_going_on(slate, index),
        forbidden=Forbidden(index, bans, columns) if bans else None,
    )


def _with_known_names(slate: Slate, index: CatalogueIndex) -> Slate:
    """Return a slate with its directors and genres spelt as the model spells them."""
    wanted, genres = slate.directors, slate.genres
    if wanted.names:
        known = index.index_of_director
        names = tuple(dict.fromkeys(known_as(name, known) for name in wanted.names))
        wanted = msgspec.structs.replace(wanted, names=names)
    allowed, required = (
        tuple(known_as(name, index.sets.genres) for name in names)
        for names in (genres.allowed, genres.required)
    )
    return msgspec.structs.replace(
        slate,
        directors=wanted,
        genres=msgspec.structs.replace(genres, allowed=allowed, required=required),
    )


def next_years(catalogue: Catalogue, today: int | None) -> range:
    """Return the calendar years of the next film: from this year, or after the newest known film.

    Args:
        catalogue: which says how new the model's newest film is.
        today: this calendar year, if the clock is set.
    """
    first = catalogue.training_years.last + 1 if today is None else today
    return range(first, first + NEXT_YEARS)


def nothing_matches(
    slate: Slate,
    model: Model,
    leave_out: Collection[Combination] = (),
    *,
    today: int | None = None,
) -> InvalidSlate:
    """Return the error for an empty slate, naming what should be lifted.

    Args:
        slate: the owner's, before it was adapted to the model's domain, whose rules stay.
        model: whose names it uses.
        leave_out: more combinations that were already made.
        today: this calendar year, if the clock is set.
    """

    def size_of(wider: Slate, made: Collection[Combination]) -> int:
        adapted = in_domain(wider, model.domain)
        return resolve(adapted, model.index, random.Random(0), made, today=today).size

    say = model.domain.say
    limits, size = limits_to_drop(slate, model.domain, leave_out, size_of)
    if size:
        without = "Nothing matches. Without {limits} it would be {size:,} films"
        return InvalidSlate(say(without, limits=limits, size=size))
    return InvalidSlate(say("Nothing matches. Allow more years, genres or directors"))


def limits_to_drop(
    slate: Slate,
    domain: Domain,
    made: Collection[Combination],
    size_of: Callable[[Slate, Collection[Combination]], int],
    *,
    most: int = 7,
) -> tuple[str, int]:
    """Return the fewest limits of a slate without which something is left, and how much.

    Args:
        slate: an empty one.
        domain: in whose words the limit is named.
        made: combinations that were already made.
        size_of: returns how many combinations a slate leaves; it may raise InvalidSlate.
        most: how many limits may be lifted together.

    Returns:
        The limits in words, as in "without the limit on genres and the limit on years", and what
        `size_of` says without them; nothing and 0 if that doesn't help either.
    """
    unlimited, say = Slate(), domain.say
    whole: dict[str, dict[str, Any]] = {
        say("the limit on genres"): {"genres": unlimited.genres},
        say("the limit on years"): {"years": unlimited.years},
        say("the limit on directors"): {"directors": unlimited.directors},
        "the limit on kinds": {"kinds": KINDS},
        "“plausible only”": {"plausible": False},
        "all the rules": {"rules": ()},
        _MADE: {"leave_out": ()},
    }
    single: dict[str, dict[str, Any]] = {
        f"the rule “{rule}”": {"rules": tuple(other for other in slate.rules if other != rule)}
        for rule in slate.rules
    }
    lifts = {
        limit: fields
        for limit, fields in (single | whole).items()
        if msgspec.structs.replace(slate, **fields) != slate or (limit == _MADE and made)
    }
    # Together with another limit, all rules are lifted: there may be too many to try each.
    several = [limit for limit in whole if limit in lifts]
    for count in range(1, most + 1):
        for chosen in itertools.combinations(lifts if count == 1 else several, count):
            fields = {name: value for limit in chosen for name, value in lifts[limit].items()}
            try:
                wider = msgspec.structs.replace(slate, **fields)
                size = size_of(wider, () if _MADE in chosen else made)
            except InvalidSlate:
                continue
            if size:
                return " and ".join(chosen), size
    return "", 0


def _going_on(slate: Slate, index: CatalogueIndex) -> NDArray[np.bool_]:
    """Return the directors whose career continues: active lately, or named by the slate."""
    active = index.active_lately(slate.directors.active_within)
    named = [index.index_of_director.get(name) for name in slate.directors.names]
    active[[number for number in named if number is not None]] = True
    return active


def _faults(slate: Slate, index: CatalogueIndex, today: int | None) -> Iterator[str]:
    """Yield what is wrong with a slate's limits, one sentence each."""
    wanted, genres, say = slate.directors, slate.genres, index.domain.say
    if wanted.names:
        yield from _unknown(say("director"), wanted.names, index.index_of_director)
    if wanted.active_within < 0:
        within = "Active within {within} years can't be; give 0 or more"
        yield say(within, within=wanted.active_within)
    if not slate.kinds:
        yield say("Name at least one kind of film: {kinds}", kinds=", ".join(KINDS))
    try:
        asked_years(slate.years, index, today)
    except InvalidSlate as error:
        yield from error.problems
    yield from _unknown(say("genre"), (*genres.allowed, *genres.required), index.sets.genres)
    if not 1 <= genres.at_most <= MAX_GENRES:
        most = "A film has 1 to {most} genres, not at most {asked}"
        yield say(most, most=MAX_GENRES, asked=genres.at_most)
    drawn = {"directors": wanted.draw, "years": slate.years.draw, "genre sets": genres.draw}
    for field, draw in drawn.items():
        if draw is not None and draw < 1:
            yield f"Draw at least one of the {say(field)}, not {draw}"


def _directors(slate: Slate, index: CatalogueIndex, rng: random.Random) -> Int64:
    wanted = slate.directors
    chosen = np.ones(len(index.names), bool)
    if wanted.names:
        chosen[:] = False
        chosen[[index.index_of_director[name] for name in wanted.names]] = True
    elif slate.years.is_next and slate.sample != "any":
        chosen &= index.active_lately(wanted.active_within)
    if set(slate.kinds) != set(KINDS):
        chosen &= index.makes[:, [KINDS.index(kind) for kind in slate.kinds]].any(axis=1)
    chosen &= index.films >= wanted.at_least_films
    return _drawn(np.flatnonzero(chosen), wanted.draw, rng)


def _columns(wanted: Years, index: CatalogueIndex, today: int | None) -> dict[int, list[int]]:
    """Return the tables' columns, each with the calendar years that it stands for, ascending."""
    columns: dict[int, list[int]] = {}
    for year in asked_years(wanted, index, today):
        columns.setdefault(index.column(year), []).append(year)
    return columns


def asked_years(wanted: Years, index: CatalogueIndex, today: int | None) -> list[int]:
    """Return the calendar years that a slate means, ascending.

    Raises:
        InvalidSlate: they contradict each other, or no film can be of them.
    """
    say, shown = index.domain.say, index.domain.shown_ordinal
    if wanted.only and (wanted.first is not None or wanted.last is not None):
        raise InvalidSlate(say("Give either single years or a first and last year, not both"))
    training = index.catalogue.training_years
    if wanted.only:
        years = sorted(set(wanted.only))
    elif wanted.is_next:
        years = list(next_years(index.catalogue, today))
    else:
        first = training.first if wanted.first is None else wanted.first
        last = max(training.last, first) if wanted.last is None else wanted.last
        if first > last:
            swapped = "The first year, {first}, comes after the last, {last}; swap them"
            raise InvalidSlate(say(swapped, first=shown(first), last=shown(last)))
        years = list(range(max(first, MIN_YEAR - 1), min(last, MAX_YEAR + 1) + 1)) or [first]
    for year in (years[0], years[-1]):
        if not MIN_YEAR <= year <= MAX_YEAR:
            least, most, found = map(shown, (MIN_YEAR, MAX_YEAR, year))
            beyond = "Give years from {least} to {most}; {found} isn't one"
            raise InvalidSlate(say(beyond, least=least, most=most, found=found))
    return years


def _sets(wanted: Genres, index: CatalogueIndex, rng: random.Random) -> Int64:
    sets, names = index.sets, index.sets.genres
    number_of = {name: number for number, name in enumerate(names)}
    members = sets.members[:-1]
    chosen = sets.sizes[:-1] <= wanted.at_most
    if wanted.allowed:
        # The padding of smaller sets is always allowed.
        allowed = [*(number_of[name] for name in wanted.allowed), len(names)]
        chosen &= np.isin(members, allowed).all(axis=1)
    for name in wanted.required:
        chosen &= (members == number_of[name]).any(axis=1)
    return _drawn(np.flatnonzero(chosen), wanted.draw, rng)


def _drawn(chosen: NDArray[np.int64], draw: int | None, rng: random.Random) -> Int64:
    if draw is None:
        return chosen
    return np.array(sorted(rng.sample(chosen.tolist(), min(draw, len(chosen)))), np.int64)


def _unknown(what: str, names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "see the model's catalogue"
            yield f"The model doesn't know the {what} {name!r}; {hint}"
