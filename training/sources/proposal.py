"""Proposes a table's domain from a known layout, the columns' names, or their content."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from data.domain import (
    Domain,
    DomainChoice,
    DomainExtra,
    DomainOrdinal,
    DomainOutcome,
    DomainTags,
    DomainWords,
)
from data.films import MAX_GENRES, MAX_YEAR, MIN_YEAR
from training.sources.layouts import guess_films, recognise
from training.sources.profile import Column, TableProfile
from training.sources.table_file import TableFile, plain

_OUTCOME = re.compile(r"score|rating|stars|points|grade|mark|quality|outcome|result|yield")
_ORDINAL = re.compile(r"year|harvest|vintage|season|edition|date|month|week|age|size|floor")
_TITLE = re.compile(r"title|name|lot|label|id")
_VOTES = re.compile(r"votes|ratings?count|numratings|reviews|numvotes|reviewers")
_TAGS = re.compile(r"tags|genres?|notes|styles?|categor|kinds?|topics|flavou?rs?|features")
_CHOICE = re.compile(
    r"director|farm|producer|maker|brand|author|artist|chef|winery|brewery|roaster|grower|supplier"
    r"|coach|teacher|designer|studio|club|baker|cook"
)
_MOST_TAG_VALUES = 2_000
_LONGEST_NAME = 80


@dataclass
class Proposal:
    """The domain proposed for a table.

    Attributes:
        layout: the known kind of table, or how the columns were found.
        domain: None if a column that a model needs wasn't found.
        missing: what wasn't found, one sentence each.
    """

    layout: str
    domain: Domain | None = None
    missing: list[str] = field(default_factory=list)


def propose(table: TableFile, profile: TableProfile) -> Proposal:
    """Return a proposed domain for a table that has none."""
    known = recognise(table)
    if known is not None:
        missing = [known.advice] if known.domain is None else []
        return Proposal(known.name, known.domain, missing)
    films = guess_films(table)
    if films is not None and films.domain is not None:
        return Proposal("films, by the columns' names", _fitted(films.domain, table, profile))
    return _guess(table, profile)


def _fitted(domain: Domain, table: TableFile, profile: TableProfile) -> Domain:
    """Return the domain of films with the separators and the scale of their columns."""
    assert domain.tags is not None
    change = msgspec.structs.replace
    genres = profile.column(table, domain.tags.columns[0])
    return change(
        domain,
        tags=change(domain.tags, separator=genres.separator),
        outcome=scale_of(profile.column(table, domain.outcome.column), unit="stars"),
    )


def scale_of(column: Column, unit: str = "points") -> DomainOutcome:
    """Return the most likely scale of a column's values."""
    numbers = sorted(column.numbers) or [0.0, 1.0]
    least, most = numbers[0], numbers[-1]
    halves = all(float(number * 2).is_integer() for number in numbers)
    wholes = all(float(number).is_integer() for number in numbers)
    if most <= 1 and least >= 0:
        low, high = 0.0, 1.0
    elif most <= 5 and least >= 0:
        low = 1.0 if least >= 1 else 0.5 if halves and least >= 0.5 else 0.0
        high = 5.0
    elif most <= 10 and least >= 0:
        low, high = (1.0 if least >= 1 else 0.0), 10.0
    elif most <= 100 and least >= 0:
        low, high = (math.floor(least / 10) * 10.0 if least >= 40 else 0.0), 100.0
    else:
        size = 10.0 ** math.floor(math.log10(max(most - least, 1e-9)))
        low, high = math.floor(least / size) * size, math.ceil(most / size) * size
    step = 1.0 if wholes else 0.5 if halves else _step(numbers)
    return DomainOutcome(
        column=column.name, low=low, high=high if high > low else low + 1.0,
        step=min(step, high - low) if high > low else 1.0, unit=unit, good=None,
    )  # fmt: skip


def _step(numbers: Iterable[float]) -> float:
    places = max(len(f"{number:.6f}".rstrip("0").partition(".")[2]) for number in numbers)
    quarters = all(float(number * 4).is_integer() for number in numbers)
    return 0.25 if quarters else round(10.0**-places, 6)


def _guess(table: TableFile, profile: TableProfile) -> Proposal:
    columns = [column for column in profile.columns if column.name and column.filled]
    outcome = _best(_outcomes(columns), _OUTCOME)
    left = [c for c in columns if c is not outcome]
    votes = next((c for c in left if c.is_number and _VOTES.search(plain(c.name))), None)
    left = [c for c in left if c is not votes]
    ordinal = _best([c for c in left if _is_ordinal(c)], _ORDINAL, named=_none_is_years(left))
    left = [c for c in left if c is not ordinal]
    tags = _tag_columns(left)
    left = [c for c in left if c not in tags]
    texts = [c for c in left if not c.is_number and not c.is_list]
    choice = _best([c for c in texts if _repeats(c)], _CHOICE)
    title = _best([c for c in texts if c is not choice and _is_title(c)], _TITLE, named=False)
    missing = []
    if outcome is None:
        missing.append("no column of numbers that could be the outcome: name it in [outcome]")
    if choice is None:
        missing.append(
            "no column of names that repeat, from which to choose one: name it in [choice]"
        )
    if outcome is None or choice is None:
        return Proposal("unknown", None, missing)
    name = re.sub(r"[^a-z0-9]+", "-", table.path.name.split(".")[0].lower()).strip("-")[:40]
    thing = _singular(name.replace("-", " ")) or "row"
    domain = Domain(
        name=name if name and name != "films" else "table",
        choice=DomainChoice(
            column=choice.name, separator=choice.separator if choice.separator == ", " else "",
            word=_word(choice.name), words=_plural(_word(choice.name)),
        ),
        ordinal=None if ordinal is None else _ordinal(ordinal),
        tags=_tags(tags) if tags else None,
        outcome=scale_of(outcome, unit=_unit(outcome)),
        words=DomainWords(thing=thing, things=_plural(thing), titles=title is not None),
        extra=DomainExtra(
            title=None if title is None else title.name,
            votes=None if votes is None else votes.name,
        ),
    )  # fmt: skip
    return Proposal("guessed from the columns' names and content", domain, missing)


def _best(
    columns: Sequence[Column], pattern: re.Pattern[str], *, named: bool = False
) -> Column | None:
    """Return the first column whose name fits, or else the first one (None if `named`)."""
    fitting = [c for c in columns if pattern.search(plain(c.name))]
    return next(iter(fitting or ([] if named else columns)), None)


def _outcomes(columns: Sequence[Column]) -> list[Column]:
    """Return columns that could be the outcome, the likeliest first."""
    numbers = [
        c for c in columns
        if c.is_number and len(c.numbers) > 1
        and (_OUTCOME.search(plain(c.name)) or not _ORDINAL.search(plain(c.name)))
    ]  # fmt: skip
    return sorted(
        numbers,
        key=lambda c: (
            not _OUTCOME.search(plain(c.name)),
            bool(_VOTES.search(plain(c.name)) or _ORDINAL.search(plain(c.name))),
            all(float(n).is_integer() for n in c.numbers),
            -columns.index(c),
        ),
    )


def _is_ordinal(column: Column) -> bool:
    wholes = column.wholes
    return column.is_whole and len(wholes) > 1 and max(wholes) - min(wholes) <= MAX_YEAR - MIN_YEAR


def _none_is_years(columns: Sequence[Column]) -> bool:
    """Return whether only the name can identify an ordinal: no column is clearly years."""
    return not any(
        _is_ordinal(c) and min(c.wholes) >= MIN_YEAR and max(c.wholes) <= MAX_YEAR for c in columns
    )


def _tag_columns(columns: Sequence[Column]) -> list[Column]:
    """Return one column of lists, or numbered columns with a part each."""
    numbered: dict[str, list[Column]] = {}
    for column in columns:
        if found := re.fullmatch(r"(.*?\D)\s*_?\d", column.name):
            numbered.setdefault(plain(found[1]), []).append(column)
    for group in numbered.values():
        if len(group) >= 2 and not any(c.is_number for c in group):
            return group
    texts = [c for c in columns if not c.is_number]
    lists = [
        c for c in texts
        if c.is_list or (c.separator and len(c.names(c.separator)) <= _MOST_TAG_VALUES)
    ]  # fmt: skip
    short = [c for c in lists if max(map(len, c.names(c.separator)), default=0) <= _LONGEST_NAME]
    named = [c for c in texts if _TAGS.search(plain(c.name)) and len(c.values) <= c.filled / 2]
    best = _best(short, _TAGS)
    if best is None:
        return named[:1]
    return [best]


def _repeats(column: Column) -> bool:
    return 2 <= len(column.values) <= 0.7 * column.filled


def _is_title(column: Column) -> bool:
    return len(column.values) > 0.7 * column.filled


def _ordinal(column: Column) -> DomainOrdinal:
    first, last = min(column.wholes), max(column.wholes)
    years = first >= MIN_YEAR and last <= MAX_YEAR
    word = "year" if "date" in plain(column.name) else _word(column.name)
    # Ten more than the largest must fit, for numbers past the model's newest.
    shift = 0 if years else NO_YEAR_SHIFT - first
    return DomainOrdinal(
        column=column.name, word=word, words=_plural(word), context=years, shift=shift
    )


# The first number on the wire for numbers that aren't years.
NO_YEAR_SHIFT = 1900


def _tags(columns: Sequence[Column]) -> DomainTags:
    base = re.sub(r"\s*_?\d+$", "", columns[0].name) if len(columns) > 1 else columns[0].name
    word = _singular(_word(base))
    return DomainTags(
        columns=tuple(c.name for c in columns[:MAX_GENRES] or columns),
        word=word, words=_plural(word),
        separator="" if columns[0].is_list else columns[0].separator,
    )  # fmt: skip


def _unit(column: Column) -> str:
    name = plain(column.name)
    if any(value.endswith("%") for value in column.values):
        return "%"
    return "stars" if "star" in name else "points"


def _word(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    word = re.sub(r"[_\s]+", " ", spaced).strip().lower()
    return re.sub(r" (name|id|title)$", "", word)[:40] or "name"


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if re.search(r"(s|x|z|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh)$", word) else f"{word}s"
