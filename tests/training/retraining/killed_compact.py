"""Compacts a folder in children that kill themselves, each a little later than the one before.

A child's `audit events` (files opened, renamed, databases connected and so on) are counted, and at
the n-th it dies by SIGKILL. Run as `python killed_compact.py FEEDBACK FILMS WORK STEP`; prints how
many died, and in the end the set's name.
"""

import os
import signal
import sys
from pathlib import Path

from training.retraining.compact import compact


def compact_in_child(feedback: str, films: Path, work: Path, dies_at: int) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal seen
        if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "sqlite3.connect"):
            seen += 1
            if seen == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    code = 1
    try:
        compact(feedback, films, work, objects_at_once=25)
        code = 0
    finally:
        os._exit(code)


def main(feedback: str, films: Path, work: Path, step: int) -> None:
    deaths, dies_at = 0, step
    while (code := compact_in_child(feedback, films, work, dies_at)) == -signal.SIGKILL:
        deaths, dies_at = deaths + 1, dies_at + step
    if code:
        raise SystemExit(code)
    print(deaths, compact(feedback, films, work).folder.name)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
