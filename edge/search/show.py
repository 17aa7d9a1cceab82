"""Shows answers on the terminal: the original's coloured grid, and a table of picks."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from data.domain import FILMS, Domain
from data.films import shown_stars
from edge.search.answer import Answer, Choice, How, SlateAnswer
from edge.search.explained import Why

# From cool to hot; black digits are readable in the middle, white ones at the ends.
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
    """Return the colour of expected stars between the coolest and the hottest, as `#rrggbb`."""
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
    """Return a share with its sign; zero is `0.00`."""
    return f"{share:+.2f}" if round(share, 2) else "0.00"


def bars(probabilities: Sequence[float]) -> str:
    """Return a distribution as a row of bars, one for each of one to ten stars."""
    most = max(probabilities)
    return "".join(_BARS[round(p / most * (len(_BARS) - 1))] for p in probabilities)


def slate_grid(answer: SlateAnswer, domain: Domain = FILMS) -> RenderableType:
    """Return the slate as a grid, cool to hot: directors and years down, genre sets across.

    Args:
        answer: to show.
        domain: whose words and scale are used.
    """
    slate = answer.slate
    low, high = min(answer.expected), max(answer.expected)
    best = answer.picks[0].combination
    grid = Table(box=None, padding=0, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for genres in slate.genre_sets:
        grid.add_column(
            Text("\n".join(domain.shown_tags(genres)), justify="center"),
            justify="center",
            vertical="bottom",
        )
    places = iter(zip(slate.options, answer.expected, strict=True))
    for director in slate.directors:
        for number, year in enumerate(slate.years):
            cells = [
                Text(f"{director}  " if number == 0 else ""),
                Text(f"{domain.shown_ordinal(year)}  "),
            ]
            for _ in slate.genre_sets:
                option, expected = next(places)
                mark = "★" if option.combination == best else " "
                cell = f"   {mark} {domain.shown_outcome(expected)}    "
                cells.append(Text(cell, _style(heat(expected, low, high))))
            grid.add_row(*cells)
    return Group(grid, Text(), pick_table(answer, domain))


def pick_table(answer: Answer, domain: Domain = FILMS) -> RenderableType:
    """Return the best film with its reasons, the others below, and how they were found.

    Args:
        answer: to show.
        domain: whose words and scale are used.
    """
    parts: list[RenderableType] = [_best(answer, domain)]
    if len(answer.picks) > 1:
        parts.append(_others(answer.picks, domain))
    if (caveat := answer.caveat_in(domain)) is not None:
        parts.append(Text(caveat))
    parts += [Text(f"! {warning}", "yellow") for warning in answer.warnings]
    if answer.fault:
        parts.append(Text(f"!! {answer.fault}", "bold red"))
    parts.append(Text(_footer(answer, domain), "dim"))
    return Group(*parts)


def _best(answer: Answer, domain: Domain) -> Panel:
    pick = answer.picks[0]
    lines = [
        Text(domain.shown_title(pick.title, pick.director), "bold"),
        *([Text(place)] if (place := _place(pick, domain, named=domain.words.titles)) else []),
        Text.assemble(
            (
                f"{domain.shown_outcome(pick.expected)}{domain.plain_unit} expected",
                "bold green",
            ),
            f"   {domain.good_share(pick.probabilities):.0%} for {good_or_more(domain)}",
        ),
        # On its own line: it must not be broken on a narrow terminal.
        Text.assemble(
            f"{_end(domain, 1)} ", (bars(pick.probabilities), "cyan"), f" {_end(domain, 10)}"
        ),
    ]
    if pick.why is not None:
        lines.append(Text(_why(pick.why, domain)))
    if pick.drawn is not None:
        lines.append(Text(_what_was_drawn(answer, domain), "magenta"))
    if answer.runner_up is not None and len(answer.picks) == 1:
        second = answer.runner_up
        apart = domain.outcome.difference(abs(pick.expected - second.expected))
        where = (
            f"The best, {apart:.2f} ahead" if answer.explored else f"Next best, {apart:.2f} behind"
        )
        title = f"{second.title}, " if domain.words.titles else ""
        lines.append(Text(f"{where}: {title}{_place(second, domain)}", "dim"))
    thing = domain.words.thing
    title = f"A {thing} to learn from" if answer.explored else f"The {thing} to {domain.words.make}"
    return Panel(Group(*lines), title=title, box=box.ROUNDED, expand=False)


def _place(pick: Choice, domain: Domain, *, named: bool = True) -> str:
    """Return a pick's director, year and genres, as far as its domain has these."""
    parts = [pick.director] if named else []
    parts += [_year(pick, domain)] if domain.ordinal else []
    parts += [" · ".join(pick.genres)] if domain.tags else []
    return ", ".join(parts)


def good_or_more(domain: Domain) -> str:
    """Return from where an outcome is called good, in words."""
    return f"{domain.good_outcome}{' stars' if domain == FILMS else ''} or more"


def _end(domain: Domain, stars_: int) -> str:
    return f"{domain.outcome.of_rating(stars_):g}"


def _why(why: Why, domain: Domain) -> str:
    by = domain.outcome.difference
    parts = [
        f"{domain.shown_outcome(why.in_domain(domain).average)} the average {domain.words.thing}",
        f"{signed(by(why.director))} the {domain.choice.word}",
    ]
    parts += [f"{signed(by(why.year))} the {domain.ordinal.word}"] if domain.ordinal else []
    parts += [f"{signed(by(why.genres))} the {domain.tags.words}"] if domain.tags else []
    return "  ".join(parts)


def _what_was_drawn(answer: Answer, domain: Domain) -> str:
    pick = answer.picks[0]
    drawn = signed(domain.outcome.difference(pick.drawn or 0.0))
    if answer.explored:
        open_ = f"for what isn't known about {pick.director}"
        return f"Drawn to learn from: {drawn} on top, {open_}"
    return f"Drawn to learn from, {drawn} on top, and still the best"


def _others(picks: Sequence[Choice], domain: Domain) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    choice, ordinal, tags = domain.choice.word, domain.ordinal, domain.tags
    for name in (["Title"] if domain.words.titles else []) + [choice.capitalize()]:
        table.add_column(name)
    if ordinal:
        table.add_column(ordinal.word.capitalize(), justify="right")
    if tags:
        table.add_column(tags.words.capitalize())
    good = f"{domain.good_outcome} or more"
    for name in (domain.outcome.unit.capitalize() or "Expected", good):
        table.add_column(name, justify="right")
    table.add_column(f"{_end(domain, 1)} to {_end(domain, 10)}", no_wrap=True)
    shared = [choice, *([ordinal.word] if ordinal else []), *([tags.words] if tags else [])]
    for name in shared:
        table.add_column(name.capitalize(), justify="right", style="dim")
    low, high = picks[-1].expected, picks[0].expected
    for number, pick in enumerate(picks, 1):
        why = pick.why
        values = (
            [why.director, *([why.year] if ordinal else []), *([why.genres] if tags else [])]
            if why
            else []
        )
        shares = [signed(domain.outcome.difference(v)) for v in values] or [""] * len(shared)
        cells: list[RenderableType] = [str(number)]
        cells += [pick.title] if domain.words.titles else []
        cells += [pick.director]
        cells += [_year(pick, domain)] if ordinal else []
        cells += [" · ".join(pick.genres)] if tags else []
        table.add_row(
            *cells,
            Text(
                f" {domain.shown_outcome(pick.expected)} ", _style(heat(pick.expected, low, high))
            ),
            f"{domain.good_share(pick.probabilities):.0%}",
            Text(bars(pick.probabilities), "cyan"),
            *shares,
        )
    return table


def _count(number: int, word: str, words: str) -> str:
    return f"{number:,} {word if number == 1 else words}"


def _year(pick: Choice, domain: Domain) -> str:
    return domain.shown_ordinal(pick.year) + ("*" if pick.extrapolated else "")


def _footer(answer: Answer, domain: Domain) -> str:
    space, ordinal, tags = answer.space, domain.ordinal, domain.tags
    what = "plausible combinations" if space.plausible else "combinations"
    if answer.searched == "file":
        what = "rows"
    parts = [_count(space.directors, domain.choice.word, domain.choice.words)]
    if ordinal:
        first, last = map(domain.shown_ordinal, (space.first_year, space.last_year))
        span = f"{first} to {last}" if space.years > 1 else first
        parts.append(f"{_count(space.years, ordinal.word, ordinal.words)} ({span})")
    if tags:
        parts.append(_count(space.genre_sets, f"{tags.word} set", f"{tags.word} sets"))
    took = f"{answer.seconds * 1000:.3g} ms"
    model = f"Model {answer.model_name} version {answer.model_version}, {answer.model_hash[:12]}"
    lines = [
        f"Best of {space.size:,} {what}: {', '.join(parts)}.",
        f"Found in {took}, {_HOW[answer.searched]}; {answer.looked_at:,} looked at.",
        f"{model}; seed {answer.seed}.",
    ]
    if ordinal and any(pick.extrapolated for pick in answer.picks):
        lines.append(f"* beyond the {ordinal.words} that the model learned from")
    return "\n".join(lines)
