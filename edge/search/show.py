"""Answers on the terminal: the coloured grid of the original, and a table of picks."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from data.films import shown_stars
from edge.search.answer import Answer, Choice, How, SlateAnswer

# From cool to hot; light enough for black figures in the middle, dark enough for white at the ends.
_HEAT = (
    (49, 54, 149),
    (69, 117, 180),
    (145, 191, 219),
    (254, 224, 144),
    (252, 141, 89),
    (215, 48, 39),
)
_BARS = " ▁▂▃▄▅▆▇█"
_HOW: dict[How, str] = {
    "tables": "exact, from the model's tables, confirmed by ONNX Runtime",
    "rows": "exact, every row through ONNX Runtime",
    "slate": "every row in one call of ONNX Runtime",
    "file": "exact, every row of the file through ONNX Runtime",
}


def heat(expected: float, low: float, high: float) -> str:
    """Return the colour of an expectation between the coolest and the hottest, as `#rrggbb`."""
    place = 0.5 if high <= low else min(max((expected - low) / (high - low), 0.0), 1.0)
    step, rest = divmod(place * (len(_HEAT) - 1), 1)
    here, there = _HEAT[int(step)], _HEAT[min(int(step) + 1, len(_HEAT) - 1)]
    red, green, blue = (round(a + (b - a) * rest) for a, b in zip(here, there, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _style(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"
    return f"{ink} on {colour}"


def stars(expected: float) -> str:
    """Return expected stars as text."""
    return f"{shown_stars(expected):.2f}"


def signed(share: float) -> str:
    """Return what something adds, with its sign; nothing at all is `0.00`."""
    return f"{share:+.2f}" if round(share, 2) else "0.00"


def bars(probabilities: Sequence[float]) -> str:
    """Return a distribution as a row of bars, one for each of one to ten stars."""
    most = max(probabilities)
    return "".join(_BARS[round(p / most * (len(_BARS) - 1))] for p in probabilities)


def slate_grid(answer: SlateAnswer) -> RenderableType:
    """Return the slate as a grid, cool to hot: directors and years down, genre sets across."""
    slate = answer.slate
    low, high = min(answer.expected), max(answer.expected)
    best = answer.picks[0].combination
    grid = Table(box=None, padding=0, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for genres in slate.genre_sets:
        grid.add_column(
            Text("\n".join(genres), justify="center"), justify="center", vertical="bottom"
        )
    places = iter(zip(slate.options, answer.expected, strict=True))
    for director in slate.directors:
        for number, year in enumerate(slate.years):
            cells = [Text(f"{director}  " if number == 0 else ""), Text(f"{year}  ")]
            for _ in slate.genre_sets:
                option, expected = next(places)
                mark = "★" if option.combination == best else " "
                cell = f"   {mark} {stars(expected)}    "
                cells.append(Text(cell, _style(heat(expected, low, high))))
            grid.add_row(*cells)
    return Group(grid, Text(), pick_table(answer))


def pick_table(answer: Answer) -> RenderableType:
    """Return the best film with its reasons, the others below, and how they were found."""
    parts: list[RenderableType] = [_best(answer)]
    if len(answer.picks) > 1:
        parts.append(_others(answer.picks))
    if answer.caveat is not None:
        parts.append(Text(answer.caveat))
    parts += [Text(f"! {warning}", "yellow") for warning in answer.warnings]
    if answer.fault:
        parts.append(Text(f"!! {answer.fault}", "bold red"))
    parts.append(Text(_footer(answer), "dim"))
    return Group(*parts)


def _best(answer: Answer) -> Panel:
    pick = answer.picks[0]
    lines = [
        Text(pick.title, "bold"),
        Text(f"{pick.director}, {_year(pick)}, {' · '.join(pick.genres)}"),
        Text.assemble(
            (f"{stars(pick.expected)} stars expected", "bold green"),
            f"   {pick.eight_or_more:.0%} for eight or more",
        ),
        # A line of its own: it must not be broken on a narrow terminal.
        Text.assemble("1 ", (bars(pick.probabilities), "cyan"), " 10"),
    ]
    if pick.why is not None:
        why = pick.why
        lines.append(
            Text(
                f"{why.average:.2f} the average film  {signed(why.director)} the director  "
                f"{signed(why.year)} the year  {signed(why.genres)} the genres"
            )
        )
    if pick.drawn is not None:
        lines.append(Text(_what_was_drawn(answer), "magenta"))
    if answer.runner_up is not None and len(answer.picks) == 1:
        second = answer.runner_up
        apart = abs(pick.expected - second.expected)
        where = (
            f"The best, {apart:.2f} ahead" if answer.explored else f"Runner-up, {apart:.2f} behind"
        )
        lines.append(
            Text(
                f"{where}: {second.title}, {second.director}, "
                f"{_year(second)}, {' · '.join(second.genres)}",
                "dim",
            )
        )
    title = "A film to learn from" if answer.explored else "The film to make"
    return Panel(Group(*lines), title=title, box=box.ROUNDED, expand=False)


def _what_was_drawn(answer: Answer) -> str:
    pick = answer.picks[0]
    assert pick.drawn is not None
    if answer.explored:
        open_ = f"for what is not known of {pick.director}"
        return f"Drawn to learn from: {signed(pick.drawn)} on top, {open_}"
    return f"Drawn to learn from, {signed(pick.drawn)} on top, and it is the best all the same"


def _others(picks: Sequence[Choice]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    for name in ("Title", "Director"):
        table.add_column(name)
    table.add_column("Year", justify="right")
    table.add_column("Genres")
    for name in ("Stars", "8 or more"):
        table.add_column(name, justify="right")
    table.add_column("1 to 10", no_wrap=True)
    for name in ("Director", "Year", "Genres"):
        table.add_column(name, justify="right", style="dim")
    low, high = picks[-1].expected, picks[0].expected
    for number, pick in enumerate(picks, 1):
        why = pick.why
        shares = [signed(v) for v in (why.director, why.year, why.genres)] if why else ["", "", ""]
        table.add_row(
            str(number),
            pick.title,
            pick.director,
            _year(pick),
            " · ".join(pick.genres),
            Text(f" {stars(pick.expected)} ", _style(heat(pick.expected, low, high))),
            f"{pick.eight_or_more:.0%}",
            Text(bars(pick.probabilities), "cyan"),
            *shares,
        )
    return table


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _year(pick: Choice) -> str:
    return f"{pick.year}*" if pick.extrapolated else str(pick.year)


def _footer(answer: Answer) -> str:
    space = answer.space
    span = f"{space.first_year} to {space.last_year}" if space.years > 1 else str(space.first_year)
    what = "plausible combinations" if space.plausible else "combinations"
    if answer.searched == "file":
        what = "rows"
    directors = _count(space.directors, "director")
    sets, years = _count(space.genre_sets, "genre set"), _count(space.years, "year")
    took = f"{answer.seconds * 1000:.3g} ms"
    model = f"Model {answer.model_name} version {answer.model_version}, {answer.model_hash[:12]}"
    lines = [
        f"Best of {space.size:,} {what}: {directors}, {years} ({span}), {sets}.",
        f"Found in {took}, {_HOW[answer.searched]}; {answer.looked_at:,} looked at.",
        f"{model}; seed {answer.seed}.",
    ]
    if any(pick.extrapolated for pick in answer.picks):
        lines.append("* beyond the years that the model learnt from")
    return "\n".join(lines)
