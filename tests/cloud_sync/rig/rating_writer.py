"""A process that plays the appliance: rates films into the journal, one after another.

Each id is written to the confirmed file only after the journal has confirmed it.

    python rating_writer.py JOURNAL CONFIRMED COUNT PAUSE_SECONDS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig.records import feedback

from edge.journal import Journal


def main(journal_path: Path, confirmed: Path, count: int, pause_seconds: float) -> None:
    done = len(confirmed.read_text().splitlines()) if confirmed.exists() else 0
    with Journal.open(journal_path) as journal, confirmed.open("a") as log:
        for number in range(done, count):
            record = feedback(number)
            journal.record_rating(record)
            log.write(record.id + "\n")
            log.flush()
            time.sleep(pause_seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
