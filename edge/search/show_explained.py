"""Shows a film's explanation on the terminal: alone, or two side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.search.explained import Explained
from edge.search.show import bars, signed


def explained_films(explained: Sequence[Explained]) -> RenderableType:
    """Return one film with its reasons, or two side by side, and what would make each better."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    for _ in explained:
        table.add_column(justify="right")
    if len(explained) == 2:
        table.add_column(justify="right", style="bold")
    rows: list[tuple[str, list[str], list[float]]] = [
        ("director", [one.film.director for one in explained], []),
        ("year", [str(one.film.year) for one in explained], []),
        ("genres", [" · ".join(one.film.genres) for one in explained], []),
        ("1 to 10 stars", [bars(one.prediction.probabilities) for one in explained], []),
        _row("stars expected", [one.prediction.expected for one in explained], "{:.2f}"),
        _row("eight or more", [one.eight_or_more for one in explained], "{:.0%}"),
        _row("the average film", [one.why.average for one in explained], "{:.2f}"),
        _row("the director adds", [one.why.director for one in explained]),
        _row("the year adds", [one.why.year for one in explained]),
        _row("the genres add", [one.why.genres for one in explained]),
    ]
    for name, cells, values in rows:
        apart = []
        if len(explained) == 2:
            share = name == "eight or more"
            apart = [_apart(values[1] - values[0], share=share) if values else ""]
        table.add_row(name, *cells, *apart)
    parts: list[RenderableType] = [table]
    for one in explained:
        parts.append(_better(one, named=len(explained) == 2))
    notes = dict.fromkeys(note for one in explained for note in one.notes)
    parts += [Text(f"! {note}", "yellow") for note in notes]
    return Group(*parts)


def _row(
    name: str, values: list[float], written: str | None = None
) -> tuple[str, list[str], list[float]]:
    return name, [written.format(v) if written else signed(v) for v in values], values


def _apart(difference: float, *, share: bool) -> str:
    return f"{100 * difference:+z.0f} points" if share else signed(difference)


def _better(one: Explained, *, named: bool) -> RenderableType:
    """Return the best change of each choice."""
    what = f"{one.film.director}, {one.film.year}: what" if named else "What"
    lines = [Text(f"{what} would make it better", "bold")]
    for change in one.better:
        new = change.film
        to = {"director": new.director, "year": str(new.year), "genres": " · ".join(new.genres)}
        other = {"director": "director", "year": "year", "genres": "set of genres"}[change.choice]
        line = f"  {signed(change.gain)}  another {other}: {to[change.choice]}"
        if change.gain > 0:
            lines.append(Text(line))
        else:
            lines.append(Text(f"         no other plausible {other} would", "dim"))
    if not one.better:
        lines.append(Text("         the model knows too little about it", "dim"))
    return Group(*lines, Text())
