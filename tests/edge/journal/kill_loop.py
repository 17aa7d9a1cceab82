"""Kills two writers of one journal again and again, and checks what is left. A script.

`python kill_loop.py FOLDER ROUNDS SEED`: in each round one process rates films and another
acknowledges them, until both are killed at a random moment. What a process says on its pipe it
says after (ratings) or before (acknowledgements) the journal has confirmed it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from records import a_pick, feedback_on

from data.ids import new_id
from data.messages import Feedback
from data.wire import decode
from edge.journal import Journal

# A journal that grows forever would make each check slower.
ROUNDS_OF_ONE_JOURNAL = 10


def rate_forever(path: Path, say: int) -> None:
    with Journal.open(path) as journal:
        while True:
            pick = a_pick()
            journal.record_pick(pick, slate=b"x" * 3000, verification_id=new_id())
            journal.record_decision(pick.id, "approved", "now")
            feedback = feedback_on(pick)
            journal.record_rating(feedback)
            os.write(say, f"{feedback.id}\n".encode())
            correction = feedback_on(pick, stars=2, replaces=feedback.id)
            journal.record_rating(correction)
            os.write(say, f"{correction.id}\n".encode())


def acknowledge_forever(path: Path, say: int) -> None:
    with Journal.open(path) as journal:
        while True:
            ids = [row.id for row in journal.peek_outbox(3)]
            for one in ids:
                os.write(say, f"{one}\n".encode())
            if ids:
                journal.acknowledge(ids)
            time.sleep(0.002)


def start(work, path: Path) -> tuple[int, int]:
    listen, say = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(listen)
        try:
            work(path, say)
        finally:
            os._exit(1)
    os.close(say)
    return process, listen


def words_of(listen: int, heard: bytes = b"") -> list[str]:
    with os.fdopen(listen, "rb") as pipe:
        said = heard + pipe.read()
        return [line.decode() for line in said.split(b"\n") if len(line) == 36]


def main(folder: Path, rounds: int, seed: int) -> dict[str, int]:
    draw, total = random.Random(seed), 0
    for number in range(rounds):
        if number % ROUNDS_OF_ONE_JOURNAL == 0:
            path = folder / f"{number}.db"
            confirmed: list[str] = []
            acknowledging: set[str] = set()
        rater, rated = start(rate_forever, path)
        acker, acked = start(acknowledge_forever, path)
        # Every third is killed while it may still be opening the journal.
        heard = os.read(rated, 37) if number % 3 else b""
        time.sleep(draw.uniform(0.0, 0.02))
        for process in (rater, acker):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        said = words_of(rated, heard)
        confirmed, total = confirmed + said, total + len(said)
        acknowledging |= set(words_of(acked))
        check(path, confirmed, acknowledging)
    return {"rounds": rounds, "kills": 2 * rounds, "confirmed": total}


def check(path: Path, confirmed: list[str], acknowledging: set[str]) -> None:
    with Journal.open(path) as journal:  # its own check of the file is part of opening
        rows = journal.rows(
            "SELECT id, payload FROM ratings UNION ALL SELECT id, payload FROM corrections"
        )
        ratings = {one: decode(payload, Feedback) for one, payload in rows}
        assert len(rows) == len(ratings), "a rating is there twice"
        assert set(confirmed) <= set(ratings), "a confirmed rating is gone"
        assert all(one == rating.id for one, rating in ratings.items())
        outbox = {row.id: row for row in journal.peek_outbox(1_000_000)}
        assert set(outbox) <= set(ratings), "an outbox row has no rating"
        assert set(ratings) - set(outbox) <= acknowledging, "feedback left the outbox unasked"
        picks = {one for (one,) in journal.rows("SELECT id FROM picks")}
        assert {rating.pick_id for rating in ratings.values()} <= picks
        asked = journal.rows("SELECT count(*) FROM requests")[0][0]
        assert asked == len(picks), "a pick without its request, or a request without its pick"


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
