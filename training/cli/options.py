"""Options that several commands of `greenlight-train` share, and the console they print to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from training.sources import CSV, names
from training.sources.options import Options

if TYPE_CHECKING:
    from training.inspection import Inspection

console = Console()
_beside_json = Console(stderr=True)


def console_beside(as_json: bool) -> Console:
    """Return where to show progress: with `--json`, standard output holds one document alone."""
    return _beside_json if as_json else console


SourceOption = Annotated[str, typer.Option(help=names())]
RatingsOption = Annotated[
    str, typer.Option(help="the file (imdb: folder) to read; the sample needs none")
]
AllowedOption = Annotated[
    float,
    typer.Option("--allow-bad", min=0.0, max=1.0, help="share of bad rows or objects to accept"),
]
DomainOption = Annotated[
    Path | None,
    typer.Option(help="csv: the file that maps its columns; default: NAME.domain.toml beside it"),
]
EncodingOption = Annotated[
    str | None, typer.Option(help="csv: the text's encoding, such as cp1251; default: detect it")
]
JobsOption = Annotated[int, typer.Option(min=1, help="parallel processes")]
DaskOption = Annotated[
    str, typer.Option(help="Dask scheduler to fit folds and splits on, tcp://host:port")
]


def findings_of(source: str, ratings: str, options: Options) -> Inspection | None:
    """Return what `inspect` finds in your own table; None for any other source."""
    from training.inspection import inspect

    if source not in (CSV, "tsv"):
        return None
    return inspect(Path(ratings), options, write=False)


def path_or_none(text: str) -> Path | None:
    """Return a path; None for the empty text that `make train-export RATINGS=` passes."""
    return Path(text) if text else None
