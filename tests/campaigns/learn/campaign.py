"""All arms in all worlds, side by side; not in __main__, where no other process finds functions."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .figures import Figures, figures_of
from .home import Home
from .studio import Arm, Course, mean, play

NEVER = Arm("never retraining")
RANDOM = Arm("random choice", chooses="random")
TRUTH = Arm("the best there was", chooses="truth")
RETRAINING = Arm("retraining", retrains=True)


def exploring(share: float) -> Arm:
    """Return the arm that retrains and explores this share of its picks."""
    return Arm("retraining and exploring", retrains=True, explore=share)


def campaign(
    seeds: Sequence[int],
    rounds: int,
    presses: int,
    arms: Sequence[Arm],
    jobs: int,
    console: Console,
) -> Figures:
    """Let every arm play in every world; return the courses."""
    # In memory where there is such a place: journals sync every write, and no cut comes here.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="learn-", dir=memory if memory.is_dir() else None))
    courses: list[Course] = []
    # One thread a process: the cores are for the worlds.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    spawn = multiprocessing.get_context("spawn")
    try:
        with (
            ProcessPoolExecutor(jobs, mp_context=spawn) as pool,
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console,
            ) as progress,
        ):
            bar = progress.add_task("worlds x arms", total=len(seeds) * len(arms))
            for home in pool.map(_make_home, [(folder, seed) for seed in seeds]):
                console.print(f"world {home}: first model trained")
            # Those that take longest first, so that no core ends alone.
            waiting = [
                pool.submit(_play, folder, seed, arm, rounds, presses)
                for arm in sorted(arms, key=lambda arm: not arm.retrains)
                for seed in seeds
            ]
            for done in as_completed(waiting):
                course = done.result()
                courses.append(course)
                console.print(_line(course))
                progress.advance(bar)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures_of(courses, arms, NEVER.name)


def _make_home(place: tuple[Path, int]) -> int:
    folder, seed = place
    Home(folder / f"world-{seed}", seed).make()
    return seed


def _play(folder: Path, seed: int, arm: Arm, rounds: int, presses: int) -> Course:
    home = Home(folder / f"world-{seed}", seed)
    return play(home, arm, seed, rounds, presses, folder / f"{seed}-{arm.name}")


def _line(course: Course) -> str:
    made = sum(bool(reason) for reason in course.reasons)
    models = f", {sum(course.released)} of {made} models released" if made else ""
    return f"world {course.seed}, {course.arm}: {mean(course.stars):.2f} stars{models}"
