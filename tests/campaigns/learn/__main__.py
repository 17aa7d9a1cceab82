"""Does retraining choose better films? A made-up studio, through the real parts. `make learn`.

Worlds differ by seed. In each, studios that differ only in how they choose make films for some
rounds: with retraining, with retraining and exploring picks, never retraining, at random,
and by the truth that nobody knows. After each round a retraining is asked for; whether its model
is released is up to the judge.

Exit code: 0 if the gain over never retraining has a 95% interval that is above zero, else 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from data.limits import YEARS_PAST_TRAINING
from training.cluster import end_with_workers

from .campaign import NEVER, RANDOM, RETRAINING, TRUTH, campaign, exploring
from .figures import Figures, is_gain, spread, stars_by_round
from .plot import draw

ROUNDS, PRESSES, SEEDS = 6, 120, 5
# The strongest dose shows best what exploring buys: every press draws.
EXPLORE = 1.0
QUICK_ROUNDS, QUICK_SEEDS = 4, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; return the exit code."""
    chosen = _arguments(arguments)
    end_with_workers()
    console = Console()
    began = time.monotonic()
    explorer = exploring(chosen.explore)
    arms = [RETRAINING, explorer, NEVER, RANDOM, TRUTH]
    figures = campaign(
        range(1, chosen.seeds + 1), chosen.rounds, chosen.presses, arms, chosen.jobs, console
    )
    write(figures, [RETRAINING.name, explorer.name], chosen.out)
    _tell(console, figures)
    console.print(
        f"{time.monotonic() - began:.0f} s; {chosen.out}/plot.png, plot.svg, figures.json"
    )
    bought = spread(
        (
            stars_by_round(figures.courses, explorer.name)
            - stars_by_round(figures.courses, RETRAINING.name)
        ).mean(axis=1)
    )
    console.print(f"exploring {chosen.explore:.0%} of the presses bought: {bought} stars a film")
    gain = figures.arms[RETRAINING.name].gain
    print(f"gain over never retraining: {gain} stars a film, {len(figures.seeds)} worlds")
    return 0 if is_gain(gain) else 1


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make learn", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, help=f"how many worlds (default {SEEDS})")
    parser.add_argument("--rounds", type=int, help=f"each ends with a retraining ({ROUNDS})")
    parser.add_argument("--presses", type=int, default=PRESSES, help=f"films a round ({PRESSES})")
    parser.add_argument(
        "--explore", type=float, default=EXPLORE, help=f"share of presses ({EXPLORE})"
    )
    parser.add_argument("--quick", action="store_true", help="a first look: fewer worlds, rounds")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (2)")
    parser.add_argument("--out", type=Path, default=Path("build/learn"))
    chosen = parser.parse_args(arguments)
    chosen.seeds = chosen.seeds or (QUICK_SEEDS if chosen.quick else SEEDS)
    chosen.rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    if not 2 <= chosen.rounds <= YEARS_PAST_TRAINING:
        parser.error(f"--rounds: give 2 to {YEARS_PAST_TRAINING}; each is a year past the table")
    if chosen.seeds < 1 or chosen.presses < 1 or not 0 <= chosen.explore <= 1:
        parser.error("--seeds and --presses begin at 1, --explore is from 0 to 1")
    return chosen


def write(figures: Figures, learners: Sequence[str], folder: Path) -> None:
    """Write figures.json and the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n"
    )
    draw(figures, [name for name in learners if name in figures.arms], NEVER.name, folder)


def _tell(console: Console, figures: Figures) -> None:
    from rich.table import Table

    table = Table("", "true stars", "gain over never retraining", "in the last round", "explored")
    table.add_column("models released")
    for name, arm in figures.arms.items():
        row: list[Any] = [name, f"{arm.stars.mean:.3f}", str(arm.gain), str(arm.last_gain)]
        row += [f"{arm.explored:.1%}", f"{arm.released} of {arm.made}" if arm.made else ""]
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
