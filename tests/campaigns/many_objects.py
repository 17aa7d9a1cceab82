"""`greenlight-train compact` over a million small objects, killed on the way: `make many-objects`.

`make many-objects ARGS="OBJECTS KILLS FOLDER"` changes its size. The objects go to
build/many-objects and are kept for the next run. One object in 500 is a second copy of the one
before, one in 1,000 isn't a rating. The suite runs small forms in
tests/training/retraining/test_compact.py.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from data.film_table import write_films
from lambdas.store_feedback.ingest import canonical
from tests.training.retraining.made_up_feedback import made_up_feedback
from training.export.example_bundle import made_up_films
from training.retraining.training_set import TRAINING_ROWS, TrainingSet

ROOT = Path(__file__).parents[2]
OBJECTS = 1_000_000
KILLS = 5
LIMIT_BYTES = 10**9
_COPY_EVERY, _BAD_EVERY = 500, 1_000


def write(folder: Path, objects: int) -> None:
    """Write a film table and so many objects."""
    films = made_up_films(2_000)
    write_films(folder / "films.csv", films)
    inner = folder / "feedback"
    inner.mkdir()
    before = b""
    for number, record in enumerate(made_up_feedback(films, objects), 1):
        if number % _BAD_EVERY == 0:
            content = b'{"id": "torn'
        elif number % _COPY_EVERY == 0:
            content = before
        else:
            content = before = canonical(record)
        (inner / f"{record.id}.json").write_bytes(content)


def compact(folder: Path, work: Path, kill_after: float | None = None) -> tuple[int, int, float]:
    """Return the child's exit code, its peak resident bytes and the seconds it took."""
    began = time.monotonic()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "training", "compact", "--feedback", str(folder)),
            *("--films", str(folder / "films.csv"), "--out", str(work)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    if kill_after is not None:
        time.sleep(kill_after)
        child.send_signal(signal.SIGKILL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_maxrss * 1024, time.monotonic() - began


def main(objects: int, kills: int, folder: Path) -> int:
    """Write the objects if need be, compact them through kills and once more; judge."""
    there = folder / f"{objects}"
    if not (there / "complete").is_file():
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir(parents=True)
        print(f"writing {objects:,} objects to {there}", flush=True)
        write(there, objects)
        (there / "complete").touch()
    draw = random.Random(objects)
    runs = []
    for name, count in (("undisturbed", 0), (f"killed {kills} times", kills)):
        work = folder / "work" / name.replace(" ", "-")
        shutil.rmtree(work, ignore_errors=True)
        began, peak = time.monotonic(), 0
        for _ in range(count):
            code, used, _ = compact(there, work, kill_after=draw.uniform(1.0, runs[0][1] / kills))
            peak = max(peak, used)
        code, used, _ = compact(there, work)
        seconds, peak = time.monotonic() - began, max(peak, used)
        sets = sorted((work / "sets").glob("[0-9a-f]*"))
        print(
            f"{name}: {seconds:.0f} s, {peak / 1e6:,.0f} MB at most, exit code {code}", flush=True
        )
        runs.append((sets, seconds, peak, code))
    again = compact(there, folder / "work" / "undisturbed")
    print(f"once more, with nothing new: {again[2]:.0f} s, {again[1] / 1e6:,.0f} MB at most")
    (first, _, _, _), (second, _, _, _) = runs
    counts = TrainingSet(first[0]).manifest.counts
    bad = objects // _BAD_EVERY
    copies = objects // _COPY_EVERY - bad
    good = (
        [path.name for path in first] == [path.name for path in second]
        and len(first) == 1
        and TrainingSet(first[0]).held_out() == TrainingSet(second[0]).held_out()
        and (first[0] / TRAINING_ROWS).read_bytes() == (second[0] / TRAINING_ROWS).read_bytes()
        and (counts.objects, counts.rejects, counts.duplicates) == (objects, bad, copies)
        and counts.owner == objects - bad - copies
        and all(code == 0 and peak <= LIMIT_BYTES for _, _, peak, code in runs)
        and again[0] == 0
    )  # fmt: skip
    print(
        f"{counts.owner:,} ratings of {objects:,} objects in one training set, the same both times"
    )
    print("good" if good else f"FAILED: {counts}")
    return 0 if good else 1


if __name__ == "__main__":
    arguments = sys.argv[1:]
    raise SystemExit(
        main(
            int(arguments[0]) if arguments else OBJECTS,
            int(arguments[1]) if arguments[1:] else KILLS,
            Path(arguments[2]) if arguments[2:] else ROOT / "build" / "many-objects",
        )
    )
