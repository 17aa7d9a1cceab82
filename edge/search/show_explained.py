"""Shows a film's explanation on the terminal: alone, or two side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from data.domain import FILMS, Domain
from edge.search.explained import Explained
from edge.search.show import bars, good_or_more, signed


def explained_films(explained: Sequence[Explained], domain: Domain = FILMS) -> RenderableType:
    """Return one film with its reasons, or two side by side, and what would make each better.

    Args:
        explained: one or two.
        domain: whose words and scale are used.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    for _ in explained:
        table.add_column(justify="right")
    if len(explained) == 2:
        table.add_column(justify="right", style="bold")
    for name, *cells in (*_films(explained, domain), *_figures(explained, domain)):
        table.add_row(name, *cells)
    parts: list[RenderableType] = [table]
    for one in explained:
        parts.append(_better(one, domain, named=len(explained) == 2))
    notes = dict.fromkeys(note for one in explained for note in one.notes)
    parts += [Text(f"! {note}", "yellow") for note in notes]
    return Group(*parts)


def _films(explained: Sequence[Explained], domain: Domain) -> list[list[str]]:
    """Return what the films are, as far as the domain has it."""
    films = [one.film for one in explained]
    rows = [[domain.choice.word, *(film.director for film in films)]]
    if domain.ordinal:
        rows.append([domain.ordinal.word, *(domain.shown_ordinal(film.year) for film in films)])
    if domain.tags:
        rows.append([domain.tags.words, *(" · ".join(film.genres) for film in films)])
    low, high = (f"{domain.outcome.of_rating(end):g}" for end in (1, 10))
    shares = (bars(one.prediction.probabilities) for one in explained)
    return [*rows, [f"{low} to {high}{domain.plain_unit}", *shares]]


def _figures(explained: Sequence[Explained], domain: Domain) -> list[list[str]]:
    """Return the figures of each film; of two, also how far they are apart."""
    by = domain.outcome.difference
    whys = [one.why.in_domain(domain) for one in explained]
    expected = [one.prediction.expected for one in explained]
    good = [domain.good_share(one.prediction.probabilities) for one in explained]
    rows = [
        _row(f"{domain.plain_unit.strip()} expected".strip(), expected, domain.shown_outcome, by),
        [good_or_more(domain), *map("{:.0%}".format, good)],
        _row(
            f"the average {domain.words.thing}", [w.average for w in whys], domain.shown_outcome, by
        ),
        _row(f"the {domain.choice.word} adds", [why.director for why in whys], None, by),
    ]
    if len(good) == 2:
        rows[1].append(f"{100 * (good[1] - good[0]):+z.0f} points")
    if domain.ordinal:
        rows.append(_row(f"the {domain.ordinal.word} adds", [why.year for why in whys], None, by))
    if domain.tags:
        rows.append(_row(f"the {domain.tags.words} add", [why.genres for why in whys], None, by))
    return rows


def _row(
    name: str,
    ratings: list[float],
    shown: Callable[[float], str] | None,
    by: Callable[[float], float],
) -> list[str]:
    """Return a row of ratings, or without `shown` of differences."""
    cells = [shown(rating) if shown else signed(by(rating)) for rating in ratings]
    return [name, *cells, *([signed(by(ratings[1] - ratings[0]))] if len(ratings) == 2 else [])]


def _better(one: Explained, domain: Domain, *, named: bool) -> RenderableType:
    """Return the best change of each choice."""
    film = one.film
    who = ", ".join(part for part in (film.director, domain.shown_ordinal(film.year)) if part)
    lines = [
        Text(f"{who}: what would make it better" if named else "What would make it better", "bold")
    ]
    for change in one.better:
        new = change.film
        to = {
            "director": new.director,
            "year": domain.shown_ordinal(new.year),
            "genres": " · ".join(new.genres),
        }
        other = {"director": "director", "year": "year", "genres": "set of genres"}[change.choice]
        other = domain.reword(other)
        if change.gain > 0:
            gain = signed(domain.outcome.difference(change.gain))
            lines.append(Text(f"  {gain}  another {other}: {to[change.choice]}"))
        else:
            lines.append(Text(f"         no other plausible {other} would", "dim"))
    if not one.better:
        lines.append(Text("         the model knows too little about it", "dim"))
    return Group(*lines, Text())
