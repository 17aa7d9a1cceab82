"""`make prove`: the search against a full sweep. Takes minutes; exits 0 if all results agree.

`make prove ARGS=BUNDLE` checks another bundle than build/bundle. Compared are:
1. the unpruned sweep of the full space against the search (top 1, 10, 1,000, with keys);
2. every plausible combination through ONNX Runtime against tables and search;
3. twenty million other combinations through ONNX Runtime against the tables.
"""

import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from data import signing
from edge.search.best import Search
from edge.search.model import Model
from edge.search.search_space import Cells, SearchSpace

from .sweep import sweep

TOPS = (1, 10, 1000)
OTHERS = 20_000_000
_GRID = np.float32(2.0**-12)


class Proof:
    """Counts what was compared, and what differed."""

    def __init__(self, console):
        self.console = console
        self.compared = 0
        self.differing = 0

    def say(self, agreed, count, words):
        self.compared += count
        self.differing += not agreed
        mark = "[green]agrees[/]" if agreed else "[bold red]DIFFERS[/]"
        shown = f"{count:,}" if count else ""
        self.console.print(f"{mark}  {shown:>15}  {words}", soft_wrap=True)


def same(found, other):
    return np.array_equal(found.scores, other.scores) and all(
        np.array_equal(a, b) for a, b in zip(found.cells, other.cells, strict=True)
    )


def training_space(model, **options):
    index, training = model.index, model.catalogue.training_years
    years = np.arange(training.first, training.last + 1) - index.first_year
    everyone, every_set = np.arange(len(index.names)), np.arange(index.sets.count)
    return SearchSpace.of(index, everyone, years, every_set, **options)


def through_onnxruntime(model, blocks, of, progress, words, kept=True):
    """Return whether the tables agree with ONNX Runtime; and cells and scores, if they are kept."""
    task = progress.add_task(words, total=of)
    cells, scores, agreed = [], [], True
    for block in blocks:
        said = model.rows(*model.index.columns(*block), probabilities=False)
        exact = said.score.astype(np.float32) * _GRID
        agreed &= np.array_equal(said.score, model.tables.score(*block))
        agreed &= np.array_equal(said.expected.view(np.int32), exact.view(np.int32))
        progress.advance(task, len(block.years))
        if kept:
            cells.append(Cells(*(column.astype(np.int32) for column in block)))
            scores.append(said.score)
    if not kept:
        return agreed, None, None
    joined = Cells(*(np.concatenate(column) for column in zip(*cells, strict=True)))
    return agreed, joined, np.concatenate(scores)


def prove_sweep(model, proof, progress):
    space = training_space(model)
    task = progress.add_task("unpruned sweep", total=len(space.directors))
    swept = sweep(
        model.tables, space, TOPS, lambda done, of: progress.update(task, completed=done, total=of)
    )
    search = Search(model.tables, space)
    for number, (k, truth) in enumerate(zip(TOPS, swept, strict=True)):
        agreed = same(search.best(k, repeat_directors=True), truth)
        # The space is swept once for all three.
        proof.say(agreed, 0 if number else space.size, f"full space, unpruned sweep, top {k:,}")
    return search.best(10), space


def prove_genre_parts(model, proof):
    """The two ways to add up genre parts, by block and by pair, must be one."""
    every_set, agreed = np.arange(model.index.sets.count), True
    for start in range(0, len(model.index.names), 64):
        block = np.arange(start, min(start + 64, len(model.index.names)))
        pairs = model.tables.genre_part(
            np.tile(block, len(every_set)), np.repeat(every_set, len(block))
        )
        agreed &= np.array_equal(model.tables.genre_block(block, every_set).ravel(), pairs)
    proof.say(agreed, 0, "genre parts of every director and set, block by block and pair by pair")


def prove_plausible(model, proof, progress):
    space = training_space(model, plausible=True)
    agreed, cells, scores = through_onnxruntime(
        model, space.blocks(), space.size, progress, "plausible combinations"
    )
    proof.say(agreed, space.size, "every plausible combination through ONNX Runtime, bit for bit")
    order = np.lexsort((cells.sets, cells.years, cells.directors, -scores))
    _, first = np.unique(cells.directors[order], return_index=True)
    search = Search(model.tables, space)
    for repeat, ranked in ((True, order), (False, order[np.sort(first)])):
        for k in TOPS:
            found, truth = search.best(k, repeat_directors=repeat), ranked[:k]
            agreed = np.array_equal(found.scores, scores[truth]) and all(
                np.array_equal(a, b) for a, b in zip(found.cells, cells.take(truth), strict=True)
            )
            whose = "of all" if repeat else "of different directors"
            proof.say(agreed, 0, f"plausible space, top {k:,} {whose}")
    return search.best(10), space


def prove_others(model, proof, progress, seed=1):
    """Draw combinations of every director, every year of the tables, and every genre set."""
    draw, index = np.random.default_rng(seed), model.index

    def blocks():
        left = OTHERS
        while left:
            count = min(left, 65_536)
            left -= count
            yield Cells(
                draw.integers(0, len(index.names), count),
                draw.integers(0, index.years, count),
                draw.integers(0, index.sets.count, count),
            )

    words = "others, drawn"
    agreed, _, _ = through_onnxruntime(model, blocks(), OTHERS, progress, words, kept=False)
    proof.say(agreed, OTHERS, "others drawn from all years of the tables, bit for bit")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/bundle")
    model = Model.open(folder, signing.read_public_keys(signing.keys_folder()))
    console, began = Console(), time.perf_counter()
    console.print(f"{folder}: version {model.version}, model {model.hash[:12]}")
    proof = Proof(console)
    with Progress(console=console, transient=True) as progress:
        full = prove_sweep(model, proof, progress)
        prove_genre_parts(model, proof)
        plausible = prove_plausible(model, proof, progress)
        prove_others(model, proof, progress)
    for words, (found, space) in (("Best of all", full), ("Best plausible", plausible)):
        console.print(f"\n{words}, {space.size:,} combinations:")
        for score, *place in zip(found.scores, *found.cells, strict=True):
            film = model.index.combination(*place)
            console.print(f"  {score / 4096:.6f}  {film.director}, {film.year}, {film.genres}")
    seconds = time.perf_counter() - began
    console.print(
        f"\n{proof.compared:,} combinations compared in {seconds:.0f} s, "
        f"{proof.differing} claims differ"
    )
    return 1 if proof.differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
