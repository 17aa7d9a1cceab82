"""An appliance on a full disk. A script to run in its own mount namespace.

`python full_disk.py STATE CONFIG BUNDLE2 SHA256`: mounts a small file system at STATE, runs the
appliance there, fills the disk to the last byte, and prints as JSON what it then answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from filled_disk import fill_disk

from edge.appliance import client
from edge.appliance.disk_space import RESERVE
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore

RATINGS = 30


def wait_until(true, what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def main(state: Path, config: str, bundle: Path, sha256: str) -> dict[str, object]:
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "greenlight", str(state)], check=True)
    command = [sys.executable, "-m", "edge", "run", "--simulate", "--config", config]
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        return watch(state, bundle, sha256)
    finally:
        running.terminate()
        running.wait(30)


def watch(state: Path, bundle: Path, sha256: str) -> dict[str, object]:
    def ask(command: str, **values: object):
        try:
            return client.ask(state, command, **values)
        except client.NotRunning:
            return {"model": None}

    wait_until(lambda: ask("status")["model"], "a first model")
    subprocess.run(["cp", "-r", str(bundle), str(state / "incoming" / "2")], check=True)
    with Journal.open(state / JOURNAL) as journal:
        journal.offer_model(2, sha256, "job-2", "2")
    wait_until(lambda: ask("status")["model"]["version"] == 2, "a second model")
    picks = []
    for _ in range(RATINGS):
        picks.append(ask("press")["pick"]["id"])
        assert ask("approve")["ok"]

    outcome: dict[str, object] = {"previous before": ModelStore(state).read().previous}
    waiting = ask("press")["pick"]["id"]
    fill_disk(state)
    # The old version goes first; what that frees is filled again.
    outcome["first press"] = ask("press")
    outcome["waiting"] = (
        outcome["first press"]["pick"]["id"] if outcome["first press"]["ok"] else waiting
    )
    fill_disk(state)
    outcome["refused press"] = ask("press")
    outcome["phase after"] = ask("status")["phase"]
    outcome["previous after"] = ModelStore(state).read().previous
    outcome["status"] = ask("status")
    outcome["ratings"] = [ask("rate", stars=8, pick_id=pick)["ok"] for pick in picks]
    with Journal.open(state / JOURNAL) as journal:
        outcome["in the journal"] = sum(bool(entry.ratings) for entry in journal.history())
        outcome["in the outbox"] = journal.outbox_depth()[0]

    outcome["reserve was used"] = not (state / RESERVE).exists()

    (state / "filler").unlink()
    # The warning goes when there is space, without anyone pressing.
    wait_until(lambda: ask("status")["attention"] == [], "no warning after space was freed")
    outcome["approved on the full disk"] = ask("approve")
    wait_until(lambda: ask("press")["ok"], "a pick after space was freed")
    outcome["attention at last"] = ask("status")["attention"]
    outcome["reserve is back"] = (state / RESERVE).exists()
    outcome["model at last"] = ask("status")["model"]["version"]
    return outcome


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])))
