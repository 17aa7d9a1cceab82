"""`greenlight-train inspect`: what a table contains, and whether it can train a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from data.command_line import JsonOption, print_json
from training.cli import output
from training.cli.options import DomainOption, EncodingOption, console
from training.sources.options import Options

if TYPE_CHECKING:
    from training.inspection import Inspection

_MOST_SHOWN = 8


def inspect(
    file: Annotated[Path, typer.Argument(help="csv, tsv, xlsx, parquet or json lines")],
    domain: DomainOption = None,
    encoding: EncodingOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="propose a new domain.toml in place of the old one")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at a table, map its columns in a domain.toml, and say whether it can train a model.

    Exits 0 only if it can.
    """
    from training.inspection import inspect as look

    found = look(file, Options(encoding=encoding, domain=domain), again=again)
    if as_json:
        print_json(found)
    else:
        _show(found)
    raise typer.Exit(0 if found.works else 1)


def _show(found: Inspection) -> None:
    output.columns_of_table(console, found.columns)
    facts: dict[str, object] = {
        "file": found.form,
        "columns": found.layout,
        "rows": f"{found.rows:,}, {found.rows_in:,} of them used",
    }
    for reason, times in found.rows_out.items():
        facts[f"left out: {times:,}"] = reason
    if found.domain is not None:
        facts["outcome"] = found.scale
        facts["choices"] = _commonest(found.choices)
        if found.tags:
            facts["tags"] = _commonest(found.tags)
    if found.lists_in_tags:
        facts["look like lists"] = ", ".join(map(repr, found.lists_in_tags[:_MOST_SHOWN]))
    if found.several:
        facts["several in a cell"] = f"{found.several:,}; the first counts"
    if found.alike:
        facts["perhaps the same"] = "; ".join(
            " and ".join(map(repr, names)) for names in found.alike[:_MOST_SHOWN]
        )
    if found.repeats:
        facts["repeats"] = f"{found.repeats:,} rows"
    if found.rows_in:
        facts["model"] = f"{found.model_bytes / 1e6:.2g} MB (predicted)"
        facts["training"] = f"about {found.training_bytes / 1e6:,.0f} MB of memory"
    output.summary(console, found.file, facts)
    _show_verdict(found)


def _show_verdict(found: Inspection) -> None:
    if found.written:
        console.print(
            f"[green]wrote[/] {escape(str(found.domain_file))}: check it and correct any mistakes",
            soft_wrap=True,
        )
    for problem in found.problems:
        console.print(f"[red]![/] {escape(problem)}", soft_wrap=True)
    if found.works:
        command = f"greenlight-train export --source csv --ratings {found.file} --out build/mine"
        console.print(
            f"[green]good[/]: this can train a model. Next: {escape(command)}", soft_wrap=True
        )


def _commonest(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({n:,})" for name, n in list(counts.items())[:_MOST_SHOWN])
    more = len(counts) - _MOST_SHOWN
    return f"{len(counts):,}: {shown}" + (f" and {more:,} more" if more > 0 else "")
