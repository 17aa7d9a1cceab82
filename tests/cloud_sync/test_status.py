"""The sync service's status, from the journal."""

from __future__ import annotations

import json
from pathlib import Path

from rig.command import sync

from data.exits import Exit
from edge.journal import JOURNAL, Journal


def test_status_shows_what_the_journal_knows(config: Path) -> None:
    assert sync("status", "--config", str(config)).returncode == Exit.NO_STATE
    (config.parent / "state").mkdir()
    with Journal.open(config.parent / "state" / JOURNAL) as journal:
        journal.set_sync_state("connection", {"state": "offline", "next_try_at": "soon"})
    shown = sync("status", "--config", str(config))
    assert "offline" in shown.stdout
    known = json.loads(sync("status", "--config", str(config), "--json").stdout)
    assert known["connection"] == {"state": "offline", "next_try_at": "soon"}
    assert known["outbox"]["waiting"] == 0
