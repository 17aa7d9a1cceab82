"""Scoring a whole table of films, file to file, in bounded memory."""

from __future__ import annotations

import csv
import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from data.errors import GreenlightError
from data.film_table import TableUnreadable
from data.films import normalise
from edge.search.model import Model, Rows
from edge.search.score_blocks import COLUMNS, NEEDED, Block, KnownNames, Parser, ScoreWriter

# Few enough that a block's results are still in the cache when they are written.
_BLOCK_ROWS = 1024
# ONNX Runtime is quicker with more rows in a call.
_BLOCKS_TOGETHER = 16


class CannotWrite(GreenlightError):
    """The predictions can't be written to the requested file."""


class ScoredTable(NamedTuple):
    """The outcome of scoring a table.

    Attributes:
        rows: how many were scored.
        unknown: what the model doesn't know, and in how many cells it is.
    """

    rows: int
    unknown: Counter[str]


def score_file(
    model: Model,
    source: Path,
    target: Path,
    progress: Callable[[int, int], None] | None = None,
) -> ScoredTable:
    """Write the model's predictions for every row of a film table, in order.

    Args:
        model: scores the rows.
        source: a csv or tsv file with the columns of NEEDED; others are ignored.
        target: gets the columns of COLUMNS, completely or not at all.
        progress: called with (bytes read, rows written) after each block.

    A director whom the model doesn't know is scored as an average one, an unknown genre as none;
    the last column says so of each such row.

    Raises:
        TableUnreadable: if the file isn't such a table.
        CannotWrite: the disk is full, or the folder is missing.
        InvalidRecord: naming row and column of a cell that can't be scored.
    """
    fresh = target.with_name(f".{target.name}.new")
    try:
        file = source.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise TableUnreadable(f"{source}: {error.strerror}") from error
    with file:
        try:
            with fresh.open("w", encoding="utf-8", newline="") as out, _collector_paused():
                scored = _score(model, file, _delimiter(source), out, _delimiter(target), progress)
            # Without an fsync: after a power cut the scores can be made again.
            fresh.replace(target)
        except (csv.Error, UnicodeDecodeError) as error:
            raise TableUnreadable(f"{source}: {error}") from error
        except OSError as error:
            raise CannotWrite(f"{target}: {error.strerror}") from error
        finally:
            fresh.unlink(missing_ok=True)
    return scored


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the cycle collector: scoring makes millions of rows and no cycles."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _score(
    model: Model,
    file: IO[str],
    delimiter: str,
    out: IO[str],
    out_delimiter: str,
    progress: Callable[[int, int], None] | None,
) -> ScoredTable:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    header = [normalise(cell) for cell in next(reader, [])]
    for column in NEEDED:
        if column not in header:
            raise TableUnreadable(f"{file.name}: line 1 lacks the column {column!r}")
    parser = Parser(header, known_of(model))
    writer = ScoreWriter(out_delimiter)
    out.write(out_delimiter.join(COLUMNS) + "\n")
    done = 0
    # ONNX Runtime scores some blocks on its own thread while those before are being written.
    with ThreadPoolExecutor(max_workers=1) as scorer:
        before: Future[list[tuple[Block, Rows]]] | None = None
        blocks = _blocks(reader, parser)
        while together := list(islice(blocks, _BLOCKS_TOGETHER)):
            scored = scorer.submit(_scored, model, together)
            if before is not None:
                done += writer.write(before.result(), out)
            before = scored
            if progress is not None:
                progress(os.lseek(file.fileno(), 0, os.SEEK_CUR), done)
        if before is not None:
            done += writer.write(before.result(), out)
    if progress is not None:
        progress(os.lseek(file.fileno(), 0, os.SEEK_CUR), done)
    return ScoredTable(done, parser.unknown)


def known_of(model: Model) -> KnownNames:
    """Return what a model knows by name, in its domain's words."""
    domain, catalogue = model.domain, model.catalogue
    return KnownNames(
        {entry.name for entry in catalogue.directors},
        set(catalogue.genres),
        domain.choice.word,
        domain.tags.word if domain.tags else "tag",
    )


def _blocks(reader: Iterator[list[str]], parser: Parser) -> Iterator[Block]:
    before = 0
    while lines := list(islice(reader, _BLOCK_ROWS)):
        if rows := [row for row in lines if row]:
            yield parser.parse(rows, before)
            before += len(rows)


def _scored(model: Model, blocks: list[Block]) -> list[tuple[Block, Rows]]:
    """Score blocks in one call, and hand each its own rows."""
    found = model.rows(
        np.concatenate([block.directors for block in blocks]),
        np.concatenate([block.years for block in blocks]),
        np.concatenate([block.slots for block in blocks]),
    )
    ends = np.cumsum([len(block.years) for block in blocks])
    parts = [slice(end - len(block.years), end) for block, end in zip(blocks, ends, strict=True)]
    return [(block, found.take(part)) for block, part in zip(blocks, parts, strict=True)]
