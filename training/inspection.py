"""Examines a table before training: its columns, and whether a model can learn from it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from data.domain import Domain, to_toml
from data.film_table import BadRow
from data.films import MAX_STARS, Film
from training.dataset import FilmTable
from training.errors import SourceUnavailable, TrainingError
from training.export.fitness import check_films
from training.export.predicted_size import most_genres, size_of
from training.memory import needed_bytes
from training.sources import CSV, own_table
from training.sources.joined import open_joined
from training.sources.layouts import FILM_TABLE, film_columns
from training.sources.options import ALLOWED_BAD_SHARE, Options
from training.sources.profile import Column, TableProfile, profile_of
from training.sources.proposal import propose, scale_of
from training.sources.table_file import TableFile, plain

# Of a press's slate; see edge.search.drawn_slate.
_SLATE_CHOICES, _REGULAR = 3, 3
_MOST_SHOWN = 12
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|-?\d+(\.\d+)?")
# Look for a mistyped letter only in names so long that it isn't a different name.
_LONG_NAME = 8


class ColumnFacts(msgspec.Struct, frozen=True):
    """One column of the file.

    Attributes:
        taken_as: its role in the model: choice, ordinal, tags, outcome, title, votes; or empty.
        filled: how many of its cells have a value.
        different: how many values differ.
        empty_looking: how often each way of writing "no value" occurs.
        example: its most common value.
    """

    name: str
    taken_as: str
    filled: int
    different: int
    empty_looking: dict[str, int]
    example: str


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What inspect found.

    Attributes:
        layout: how the columns were found.
        domain: the table's domain as TOML; None if that isn't known.
        domain_file: the domain's file; None if it isn't needed.
        written: whether that file was written just now.
        rows_out: how many rows are left out, by reason.
        choices, tags: how many rows each has, the most common first.
        lists_in_tags: tags that look like lists that weren't split.
        several: how many cells name more than one choice; the first counts.
        alike: similar names that may mean the same.
        repeats: how many rows repeat another row.
        scale: the outcome's least, mean and greatest value, and the scale guessed.
        model_bytes, training_bytes: predicted.
        works: whether an export can succeed and a press would find something.
        problems: why not, and what else to check.
    """

    file: str
    form: str
    layout: str
    rows: int
    rows_in: int
    rows_out: dict[str, int]
    columns: tuple[ColumnFacts, ...]
    domain: str | None
    domain_file: str | None
    written: bool
    choices: dict[str, int]
    tags: dict[str, int]
    lists_in_tags: tuple[str, ...]
    several: int
    alike: tuple[tuple[str, ...], ...]
    repeats: int
    scale: str
    model_bytes: int
    training_bytes: int
    works: bool
    problems: tuple[str, ...]


def inspect(path: Path, options: Options, *, again: bool = False, write: bool = True) -> Inspection:
    """Examine a table, and write a `domain.toml` for it if it needs one and has none.

    Args:
        path: the table.
        options: its encoding, and its domain's file if it isn't beside it.
        again: propose a new domain, ignoring an existing one.
        write: whether to write a domain at all.

    Raises:
        SourceUnavailable: naming file, line, column and fix, if it can't be read at all.
    """
    table = open_joined(path, options.encoding)
    profile = profile_of(table)
    if not profile.rows:
        raise SourceUnavailable(f"{path}: has no rows under its header")
    target = options.domain or own_table.domain_path(path)
    written = False
    missing: list[str] = []
    if write and (again or not target.is_file()):
        if again:
            target.unlink(missing_ok=True)
        missing, written = _write_domain(table, profile, target)
    if missing:
        return _unmapped(table, profile, missing)
    own = own_table.open_own(path, options)
    if written and (keep := _too_many_tags(path, own.domain, options)):
        _write(target, _keeping(own.domain, keep))
        own = own_table.open_own(path, options)
    return _mapped(own, profile, written=written)


def _write_domain(table: TableFile, profile: TableProfile, target: Path) -> tuple[list[str], bool]:
    """Return what a domain still lacks, and whether one was written."""
    if _is_film_table(table, profile):
        return [], False
    proposal = propose(table, profile)
    if proposal.domain is None:
        where = f"{target.name}; docs/your-own-table.md shows one"
        return [f"{lack} of {where}" if "name it" in lack else lack
                for lack in proposal.missing], False  # fmt: skip
    _write(target, proposal.domain)
    return [], True


def _is_film_table(table: TableFile, profile: TableProfile) -> bool:
    """Return whether a table has a film table's columns, and stars from 1 to 10 in them."""
    columns = film_columns(table)
    if not columns:
        return False
    stars = profile.columns[columns["stars"]]
    fit = sum(n for v, n in stars.numbers.items() if v.is_integer() and 1 <= v <= MAX_STARS)
    # A table with single wrong stars is one, too: its bad rows are named.
    return 2 * fit > stars.filled


def _write(target: Path, domain: Domain) -> None:
    try:
        target.write_text(to_toml(domain), encoding="utf-8")
    except OSError as error:
        raise SourceUnavailable(
            f"{target}: can't be written ({error.strerror}); name another place with --domain"
        ) from error


def _too_many_tags(path: Path, domain: Domain, options: Options) -> int:
    """Return how many tags a device's model can hold, if the table has more; else 0."""
    if domain.tags is None:
        return 0
    films = [row for row in own_table.open_own(path, options).rows if isinstance(row, Film)]
    if not films:
        return 0
    return 0 if size_of(films).fits else most_genres(films)


def _keeping(domain: Domain, keep: int) -> Domain:
    assert domain.tags is not None
    tags = msgspec.structs.replace(domain.tags, keep=keep)
    return msgspec.structs.replace(domain, tags=tags)


def _unmapped(table: TableFile, profile: TableProfile, missing: Sequence[str]) -> Inspection:
    return Inspection(
        file=str(table.path), form=table.form, layout="not known", rows=profile.rows, rows_in=0,
        rows_out={}, columns=_columns(profile, {}), domain=None, domain_file=None, written=False,
        choices={}, tags={}, lists_in_tags=(), several=0, alike=(), repeats=0, scale="",
        model_bytes=0, training_bytes=0, works=False, problems=tuple(missing),
    )  # fmt: skip


def _mapped(own: own_table.OwnTable, profile: TableProfile, *, written: bool) -> Inspection:
    table, domain = own.file, own.domain
    films: list[Film] = []
    bad: list[BadRow] = []
    for row in own.rows:
        (films if isinstance(row, Film) else bad).append(row)  # type: ignore[arg-type]
    taken = _taken(table, domain, film_table=own.layout == FILM_TABLE)
    choices = Counter(film.director for film in films)
    tags = Counter(genre for film in films for genre in film.genres) if domain.tags else Counter()
    several = _several(profile.columns[table.column(_choice_column(table, domain))], domain)
    scale, scale_problem = _scale(_outcome_column(profile, table, domain), domain)
    problems = [*_press_problems(domain, choices), *scale_problem]
    works = not problems
    try:
        if not films:
            problems.append("no row can be used; see the reasons above")
        else:
            found = FilmTable(CSV, str(table.path), films, bad, domain)
            check_films(found)
            problems += _left_out(found)
    except TrainingError as error:
        problems.insert(0, str(error).removeprefix(f"{table.path}: "))
    size = size_of(films) if films else None
    lists = tuple(tag for tag in tags if any(mark in tag for mark in "|;[]{}"))[:_MOST_SHOWN]
    return Inspection(
        file=str(table.path), form=table.form, layout=own.layout, rows=profile.rows,
        rows_in=len(films), rows_out=_reasons(bad), columns=_columns(profile, taken),
        domain=to_toml(domain),
        domain_file=None if own.domain_file is None else str(own.domain_file),
        written=written, choices=dict(choices.most_common()), tags=dict(tags.most_common()),
        lists_in_tags=lists, several=several, alike=_alike(choices) + _alike(tags),
        repeats=len(films) - len({(f.title, f.year, f.director, f.genres) for f in films})
        if domain.extra.title else 0,
        scale=scale, model_bytes=size.total_bytes if size else 0,
        training_bytes=needed_bytes(len(films)),
        works=works and not problems, problems=tuple(problems),
    )  # fmt: skip


def _columns(profile: TableProfile, taken: Mapping[str, str]) -> tuple[ColumnFacts, ...]:
    return tuple(
        ColumnFacts(
            name=column.name,
            taken_as=taken.get(plain(column.name), ""),
            filled=column.filled,
            different=len(column.values),
            empty_looking={repr(cell) if cell else "empty": n for cell, n in column.empty.items()},
            example=next((value for value, _ in column.values.most_common(1)), "")[:60],
        )
        for column in profile.columns
    )


def _taken(table: TableFile, domain: Domain, *, film_table: bool) -> dict[str, str]:
    """Return each column's role in the model, by its plain name."""
    if film_table:
        roles = {"Director1": "choice", "year": "ordinal", "rating": "outcome"}
        return {
            plain(table.header[place]): roles.get(name, "tags" if "Genre" in name else name)
            for name, place in film_columns(table).items()
        }
    roles = {domain.choice.column: "choice", domain.outcome.column: "outcome"}
    if domain.ordinal:
        roles[domain.ordinal.column] = "ordinal"
    for column in domain.tags.columns if domain.tags else ():
        roles[column] = "tags"
    for role in ("title", "votes"):
        if column := getattr(domain.extra, role):
            roles[column] = role
    return {plain(column): role for column, role in roles.items()}


def _choice_column(table: TableFile, domain: Domain) -> str:
    films = film_columns(table)
    own = domain.choice.column
    return own if table.has(own) else table.header[films["Director1"]]


def _outcome_column(profile: TableProfile, table: TableFile, domain: Domain) -> Column:
    films = film_columns(table)
    if not films or table.has(domain.outcome.column):
        own = profile.columns[table.column(domain.outcome.column)]
        if own.filled or not films:
            return own
    rating = profile.columns[films.get("rating", films["stars"])]
    return rating if rating.filled else profile.columns[films["stars"]]


def _several(column: Column, domain: Domain) -> int:
    separator = domain.choice.separator or ", "
    return sum(times for value, times in column.values.items() if separator in value)


def _scale(column: Column, domain: Domain) -> tuple[str, list[str]]:
    """Return the outcome's values and its scale in words, and a problem if they don't fit."""
    numbers, outcome = column.numbers, domain.outcome
    if not numbers:
        return "no numbers", [f"column {column.name!r} has no numbers"]
    least, most = min(numbers), max(numbers)
    mean = sum(number * times for number, times in numbers.items()) / numbers.total()
    guess = scale_of(column)
    text = (
        f"{least:g} to {most:g}, {mean:.2f} on average; read as {outcome.low:g} to "
        f"{outcome.high:g} {outcome.unit}, looks like {guess.low:g} to {guess.high:g} in steps of "
        f"{guess.step:g}" + (", with decimal commas" if column.decimal_comma else "")
    )
    used = (most - least) / (outcome.high - outcome.low)
    if used <= 0.5 and most <= outcome.low + 0.55 * (outcome.high - outcome.low):
        problem = (
            f"column {column.name!r} uses only {least:g} to {most:g} of the scale {outcome.low:g} "
            f"to {outcome.high:g}; if the scale ends at {guess.high:g}, say so in [outcome]"
        )
        return text, [problem]
    return text, []


def _press_problems(domain: Domain, choices: Counter[str]) -> list[str]:
    regular = sum(times > _REGULAR for times in choices.values())
    if regular >= _SLATE_CHOICES:
        return []
    words = domain.choice.words
    problem = (
        f"a press would find nothing: it needs {_SLATE_CHOICES} {words} with more than {_REGULAR} "
        f"{domain.words.things} each, and there are {regular}; add {domain.words.things} of the "
        f"same {words}"
    )
    return [problem]


def _left_out(table: FilmTable) -> list[str]:
    """Return a problem if more rows are left out than an export accepts."""
    if table.bad_share <= ALLOWED_BAD_SHARE:
        return []
    accept = math.ceil(100 * table.bad_share) / 100
    problem = (
        f"{len(table.rejects):,} of {len(table.films) + len(table.rejects):,} rows are left out "
        f"({table.bad_share:.1%}; an export accepts {ALLOWED_BAD_SHARE:.0%}); correct what the "
        f"reasons above name, or give --allow-bad {accept:g}"
    )
    return [problem]


def _reasons(bad: Iterable[BadRow]) -> dict[str, int]:
    """Return how many rows are left out for each kind of reason."""
    counts = Counter(_QUOTED.sub("…", row.reason) for row in bad)
    return dict(counts.most_common())


def _alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return groups of names that differ only in case, accents, punctuation or one letter."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_bare(name)].append(name)
    found = [tuple(sorted(group)) for group in groups.values() if len(group) > 1]
    return tuple((found + _one_letter_apart(groups))[:_MOST_SHOWN])


def _one_letter_apart(groups: Mapping[str, list[str]]) -> list[tuple[str, ...]]:
    """Return pairs of long names that differ in one letter, or where one lacks a letter."""
    replaced: dict[str, list[str]] = defaultdict(list)
    pairs = set()
    for bare in groups:
        if len(bare) >= _LONG_NAME and not any(c.isdigit() for c in bare):
            for place in range(len(bare)):
                without = bare[:place] + bare[place + 1 :]
                if without in groups:
                    pairs.add(tuple(sorted((groups[bare][0], groups[without][0]))))
                replaced[f"{bare[:place]}*{bare[place + 1 :]}"].append(bare)
    for bares in replaced.values():
        pairs |= {tuple(sorted((groups[bares[0]][0], groups[b][0]))) for b in bares[1:]}
    return sorted(pairs)


def _bare(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in letters if c.isalnum()) or name
