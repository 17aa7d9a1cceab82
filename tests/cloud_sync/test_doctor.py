"""The doctor of the sync service names each fix."""

from __future__ import annotations

import json
from pathlib import Path

from rig.command import sync
from rig.records import feedback

from cloud_sync.feedback import CLOUD_OUTDATED, FEEDBACK_STATE
from data.exits import Exit
from edge.journal import JOURNAL, Journal


def test_the_doctor_names_each_fix_and_fails(config: Path) -> None:
    (config.parent / "key").unlink()
    done = sync("doctor", "--config", str(config))
    assert done.returncode == 1
    assert "provision this thing again" in done.stdout
    assert "every model would be refused" in done.stdout
    assert "check that the network is up" in done.stdout
    done = sync("doctor", "--config", str(config), "--json")
    assert done.returncode == 1
    found = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert found["identity"]["fix"] == "provision this thing again"
    assert found["state folder"]["ok"] is False


def test_ratings_set_aside_fail_the_check_until_they_are_retried(config: Path) -> None:
    assert sync("retry", "--config", str(config)).returncode == Exit.NO_STATE
    (config.parent / "state").mkdir()
    ratings = [feedback(number) for number in range(3)]
    with Journal.open(config.parent / "state" / JOURNAL) as journal:
        for rating in ratings:
            journal.record_rating(rating)
        for rating in ratings[:2]:
            journal.quarantine(rating.id, "`schema_version` is 1; this function reads 2")
        output = sync("doctor", "--config", str(config)).stdout
        found, fix = output[output.index("BAD journal: ") :].splitlines()[:2]
        assert "2 rejected by the cloud; the first because `schema_version` is 1" in found
        assert "greenlight-sync retry" in fix
        again = sync("retry", "--config", str(config))
        assert (again.returncode, again.stdout) == (0, "2 ratings will be sent again\n")
        assert [row.id for row in journal.peek_outbox(9)] == [rating.id for rating in ratings]
        assert sync("retry", "--config", str(config)).stdout == "no rating was rejected\n"
        assert "ok  journal: 3 ratings waiting" in sync("doctor", "--config", str(config)).stdout


def test_ratings_that_the_cloud_is_too_old_for_fail_the_check(config: Path) -> None:
    (config.parent / "state").mkdir()
    with Journal.open(config.parent / "state" / JOURNAL) as journal:
        journal.record_rating(feedback(1))
        journal.set_sync_state(FEEDBACK_STATE, {"problem": CLOUD_OUTDATED})
    output = sync("doctor", "--config", str(config)).stdout
    assert f"BAD journal: ratings waiting: 1; {CLOUD_OUTDATED}" in " ".join(output.split())
