"""What waits for the journal holds up nothing else."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

from edge.journal import JOURNAL


def test_light_and_status_answer_while_another_program_keeps_the_journal_locked(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    outcome: dict[str, Any] = {}
    press = threading.Thread(target=lambda: outcome.update(supplied.ask("press")))
    with closing(sqlite3.connect(supplied.state / JOURNAL, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        seen = len(running.lines)
        press.start()
        running.wait_for("led: fast pulse", after=seen)
        shown = [supplied.ask("status") for _ in range(5)]
        # SQLite waits for ten seconds: an answer that waited with it would come after the press.
        assert press.is_alive()
    press.join(30)
    assert outcome["ok"], outcome
    assert all(one["ok"] and not one["fault"] for one in shown)
