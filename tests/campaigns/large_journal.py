"""How long a start's look into the journal takes with as many picks as can be kept.

`make large-journal ARGS="--picks N"` fails if a start could take longer than systemd allows.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from data.wire import encode
from edge.journal import CHECK_SECONDS, JOURNAL, Journal, open_or_set_aside
from tests.edge.journal.records import a_pick

_UNIT = Path(__file__).parents[2] / "systemd/greenlight.service"
# What the journal may take of systemd's timeout; loading a model needs the rest.
_SHARE = 0.5
# A slate as the page shows it takes about as much.
_SLATE_BYTES = 2000


def main() -> int:
    """Make a journal and open it as a start does; 1 if that takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picks", type=int, default=1_000_000)
    picks = parser.parse_args().picks
    allowed = _SHARE * float(re.findall(r"(?m)^TimeoutStartSec=(\d+)", _UNIT.read_text())[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / JOURNAL
        make(path, picks)
        began = time.monotonic()
        journal, _ = open_or_set_aside(path)
        with journal, Journal.open(path):
            journal.set_bad_rows_aside("now", CHECK_SECONDS)
            journal.waiting_pick()
            journal.approved_combinations()
        took = time.monotonic() - began
        size = path.stat().st_size
    print(
        f"{picks:,} picks, {size / 1e6:,.0f} MB: a start looks for {took:.1f} s ({allowed:.0f} s)"
    )
    return 0 if took < allowed else 1


def make(path: Path, picks: int) -> None:
    """Make a journal with so many picks."""
    Journal.open(path).close()
    pick = a_pick()
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO picks (id, made_at, payload, slate) VALUES (?, ?, ?, zeroblob(?))",
            (
                (f"{number:036}", pick.made_at, encode(pick), _SLATE_BYTES)
                for number in range(picks)
            ),
        )
        connection.commit()


if __name__ == "__main__":
    sys.exit(main())
