"""Checks, before and after the fit, that a film table can train a useful model."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data import limits
from data.domain import FILMS
from training import memory
from training.dataset import FilmTable
from training.errors import UnfitData, WorseThanConstant
from training.export.predicted_size import most_genres, size_of
from training.model.estimator import FEWEST_FILMS, FilmModel

# How far stars and rating may differ, and the share of films that may differ by more.
_APART = 1.0
_APART_SHARE = 0.05
# What separates names, where a column of lists was read as one of names.
_LIST_MARKS = ("|", "; ", ", ", "[", "{")
_LIST_SHARE = 0.05


def check_films(table: FilmTable) -> None:
    """Refuse a table that can't train a useful model.

    Raises:
        UnfitData: naming the table, the column and the fix.
    """
    checks = (_check_number, _check_outcome, _check_choice, _check_ordinal, _check_tags)
    for check in (*checks, _check_scales):
        check(table)
    _check_size(table)
    _check_memory(table)


def _check_memory(table: FilmTable) -> None:
    """Refuse a table that this machine can't train on, before it tries for hours."""
    rows = len(table.films)
    needed, there = memory.needed_bytes(rows), memory.machine_bytes()
    if needed > there:
        raise UnfitData(
            f"{table.origin}: training on {rows:,} rows takes about {needed / 1e6:,.0f} MB of "
            f"memory; this machine has {there / 1e6:,.0f}, enough for about "
            f"{memory.rows_within(there):,} rows. Leave out the oldest or least rated, or use a "
            "larger machine"
        )


def _check_number(table: FilmTable) -> None:
    if len(table.films) < FEWEST_FILMS:
        raise UnfitData(
            f"{table.origin}: has {len(table.films)} {table.domain.words.things}; at least "
            f"{FEWEST_FILMS} are needed, add more"
        )


def _check_outcome(table: FilmTable) -> None:
    domain, first = table.domain, table.films[0]
    column = "stars" if domain == FILMS and first.rating is None else domain.outcome.column
    if len({(film.stars, film.rating) for film in table.films}) == 1:
        raise UnfitData(
            f"{table.origin}: column {column!r} holds only "
            f"{domain.given_outcome(first.stars, first.rating)}, so there is nothing to learn; "
            "name the column of outcomes that differ, or add some"
        )


def _check_choice(table: FilmTable) -> None:
    choice, things = table.domain.choice, table.domain.words.things
    directors = Counter(film.director for film in table.films)
    if len(directors) == 1:
        raise UnfitData(
            f"{table.origin}: column {choice.column!r} holds only {table.films[0].director!r}; "
            f"there is nothing to choose from: add {things} of other {choice.words}"
        )
    if max(directors.values()) == 1:
        raise UnfitData(
            f"{table.origin}: column {choice.column!r}: each of the {len(directors):,} "
            f"{choice.words} has one {table.domain.words.thing}, so nothing can be learnt about "
            f"them; add more {things} of the same {choice.words}"
        )


def _check_ordinal(table: FilmTable) -> None:
    ordinal = table.domain.ordinal
    if ordinal is not None and len({film.year for film in table.films}) == 1:
        leave = "" if table.domain == FILMS else ", or leave [ordinal] out of its domain.toml"
        raise UnfitData(
            f"{table.origin}: column {ordinal.column!r} holds only "
            f"{table.domain.shown_ordinal(table.films[0].year)}; add {table.domain.words.things} "
            f"of other {ordinal.words}{leave}"
        )


def _check_tags(table: FilmTable) -> None:
    """Refuse lists that were read as single names: `Drama|Action` isn't a genre."""
    tags = table.domain.tags
    if tags is None:
        return
    lists = [f for f in table.films if any(mark in g for g in f.genres for mark in _LIST_MARKS)]
    if len(lists) > _LIST_SHARE * len(table.films):
        first = next(g for g in lists[0].genres if any(mark in g for mark in _LIST_MARKS))
        raise UnfitData(
            f"{table.origin}: column {tags.columns[0]!r} holds lists such as {first[:60]!r} in "
            f"{len(lists):,} of {len(table.films):,} {table.domain.words.things}; run "
            "`greenlight-train inspect` on the table, which finds what separates them"
        )


def _check_scales(table: FilmTable) -> None:
    films = table.films
    apart = [
        film for film in films if film.rating is not None and abs(film.rating - film.stars) > _APART
    ]
    if len(apart) > _APART_SHARE * len(films):
        first = apart[0]
        raise UnfitData(
            f"{table.origin}: columns 'stars' and 'rating' contradict each other in {len(apart):,} "
            f"of {len(films):,} films; the first is {first.title!r} with stars {first.stars} and "
            f"rating {first.rating:g}. Put both on the scale from 1 to 10, or leave 'rating' out"
        )


def _check_size(table: FilmTable) -> None:
    """Refuse a model too large for any device, before spending hours on it."""
    size = size_of(table.films)
    if size.fits:
        return
    tags, ordinal = table.domain.tags, table.domain.ordinal
    most = most_genres(table.films) if tags is not None else 0
    parts = f"{size.directors:,} {table.domain.choice.words}"
    parts += f" and {size.years} {ordinal.words}" if ordinal else ""
    over = "model", size.total_bytes, limits.MAX_MODEL_BYTES
    if size.total_bytes <= limits.MAX_MODEL_BYTES:
        over = "bundle", size.bundle_bytes, limits.MAX_BUNDLE_BYTES
    reason = (
        f"{table.origin}: its {over[0]} would have {over[1] / 1e6:,.1f} MB; a device takes "
        f"{over[2] / 1e6:.1f}"
    )
    if tags is not None and most >= 1:
        raise UnfitData(
            f"{reason}. Column {tags.columns[0]!r} has {size.genres} {tags.words}, and at most "
            f"{most} fit beside {parts}: put `keep = {most}` under [tags] in its domain.toml to "
            f"keep the most common ones (inspect writes it), or merge some"
        )
    raise UnfitData(f"{reason}. It has {parts}: leave out those with a single row")


def check_learnt(table: FilmTable, model: FilmModel) -> None:
    """Refuse a fitted model that predicts unseen films worse than their mean does.

    Raises:
        WorseThanConstant: with both errors.
    """
    domain = table.domain
    stars = np.array([film.stars for film in table.films], float)
    errors = np.sqrt(((model.unseen_expected_ - stars) ** 2).mean()), stars.std()
    if errors[0] > errors[1]:
        shown = [domain.outcome.difference(float(error)) for error in errors]
        explains = [domain.choice.word]
        explains += [domain.ordinal.word] if domain.ordinal else []
        explains += [domain.tags.words] if domain.tags else []
        listed = ", ".join(explains[:-1]) + " and " * (len(explains) > 1) + explains[-1]
        raise WorseThanConstant(
            f"{table.origin}: the model's error on {domain.words.things} it had not seen is "
            f"{shown[0]:.2f} {domain.outcome.unit}; predicting the mean for every "
            f"{domain.words.thing} has {shown[1]:.2f}. {listed.capitalize()} don't explain these "
            f"{domain.outcome.unit}; check the columns"
        )
