"""Writers of the journal are killed at random moments, and two users write at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge.journal import JOURNAL, Journal

HERE = Path(__file__).parent
ROUNDS = 200
TWO_USERS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from records import a_pick, feedback_on
from edge.journal import Journal
path, uid, gid, count = Path(sys.argv[2]), *map(int, sys.argv[3:6])
os.setgroups([]); os.setgid(gid); os.setuid(uid); os.umask(0o007)
with Journal.open(path) as journal:
    print("open", flush=True)
    sys.stdin.readline()
    for _ in range(count):
        pick = a_pick()
        journal.record_pick(pick)
        journal.record_rating(feedback_on(pick))
"""


@pytest.mark.slow
def test_every_confirmed_rating_survives_kills_at_random_moments(quick_path: Path):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    done = subprocess.run(
        [sys.executable, str(HERE / "kill_loop.py"), str(quick_path), str(ROUNDS), str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["kills"] == 2 * ROUNDS
    # The kills must have hit writing processes, not ones that had yet to begin.
    assert outcome["confirmed"] > ROUNDS


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become two other users")
def test_two_users_of_one_group_write_at_once():
    group, users, count = 12000, (12001, 12002), 60
    # Not pytest's own folder: that is closed to other users from above.
    folder = Path(tempfile.mkdtemp())
    try:
        os.chown(folder, users[0], group)
        folder.chmod(0o2770)
        arguments = [sys.executable, "-c", TWO_USERS, str(HERE), str(folder / JOURNAL)]
        processes = [
            subprocess.Popen(
                [*arguments, str(user), str(group), str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for user in users
        ]
        for process in processes:
            assert process.stdout.readline() == "open\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()
            assert process.returncode == 0
        with Journal.open(folder / JOURNAL) as journal:
            assert journal.outbox_depth()[0] == len(users) * count
            assert len(journal.history()) == len(users) * count
    finally:
        shutil.rmtree(folder)
