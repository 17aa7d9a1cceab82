"""The sync service's status, from the journal."""

from __future__ import annotations

import json
from pathlib import Path

from rig.command import sync

from cloud_sync.events import ConnectionChanged
from cloud_sync.status import StatusWriter
from data.exits import Exit
from edge.journal import JOURNAL, Journal, last_heard


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


def test_the_journal_keeps_when_a_rating_was_last_sent_and_the_cloud_last_heard(
    tmp_path: Path,
) -> None:
    def connection_is(status: StatusWriter, state: str) -> None:
        status.connection_changed(ConnectionChanged(state, "", 0, None))

    with Journal.open(tmp_path / JOURNAL) as journal:
        status = StatusWriter(journal)
        connection_is(status, "offline")
        assert last_heard(journal.sync_state()) is None
        connection_is(status, "online")
        connected = last_heard(journal.sync_state())
        assert connected is not None
        status.sent([connected])
        connection_is(status, "offline")
        heard = last_heard(journal.sync_state())
        assert heard is not None
        assert heard >= connected
        # A service that starts again goes on from there.
        again = StatusWriter(journal)
        connection_is(again, "offline")
        again.sent([connected, connected])
        reports = journal.sync_state()
        assert reports["connection"]["heard_at"] == heard
        assert sum(count for *_, count in reports["sent"]["hours"]) == 3
