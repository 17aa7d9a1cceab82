"""The source `imdb` over ten million made-up titles, within 2 GB: `make big-data-test`.

Run as `python tests/campaigns/big_data.py [TITLES [FOLDER]]`; the files go to build/big-data and
are kept for the next run. The suite runs a small form, tests/training/sources/test_imdb.py.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import made_up_imdb

TITLES = 10_000_000
LIMIT_BYTES = 2 * 10**9
ROOT = Path(__file__).parents[2]


def run(files: Path, out: Path) -> tuple[int, int, float]:
    """Return the child's exit code, its peak resident bytes and the seconds it took."""
    began = time.monotonic()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "training", "dataset", "--source", "imdb"),
            *("--ratings", str(files), "--out", str(out)),
        ],
        cwd=ROOT,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_maxrss * 1024, time.monotonic() - began


def main(titles: int, folder: Path) -> int:
    """Write the files if need be, run the source over them, judge; return the exit code."""
    files = folder / f"{titles}"
    if not (files / "complete").is_file():
        shutil.rmtree(files, ignore_errors=True)
        print(f"writing {titles:,} made-up titles to {files}", flush=True)
        made_up_imdb.write(files, titles)
        (files / "complete").touch()
    size = sum(path.stat().st_size for path in files.iterdir())
    out = folder / "movie_ratings_simple.csv"
    code, peak, seconds = run(files, out)
    rows = max(0, sum(1 for _ in out.open("rb")) - 1) if out.is_file() else 0
    wanted = sum(
        made_up_imdb.type_of(n) not in ("tvEpisode", "tvSeries")
        for n in range(100, titles + 1, 100)
        if made_up_imdb.votes_of(n) > 1_500
    )
    print(
        f"{titles:,} titles ({size / 1e6:,.0f} MB of files) -> {rows:,} films "
        f"in {seconds:.0f} s with {peak / 1e6:,.0f} MB at most (allowed: {LIMIT_BYTES / 1e6:,.0f})"
    )
    good = code == 0 and peak <= LIMIT_BYTES and rows == wanted
    print("good" if good else f"FAILED: exit code {code}, {wanted:,} films were wanted")
    return 0 if good else 1


if __name__ == "__main__":
    arguments = sys.argv[1:]
    raise SystemExit(
        main(
            int(arguments[0]) if arguments else TITLES,
            Path(arguments[1]) if arguments[1:] else ROOT / "build" / "big-data",
        )
    )
