"""An appliance whose disk becomes read-only. A script to run in its own mount namespace.

`python read_only_disk.py STATE CONFIG`: runs the appliance, mounts its folder over itself
read-only, and prints as JSON what it then answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edge.appliance import client


def wait_until(true, what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def main(state: Path, config: str) -> dict[str, Any]:
    greenlight = [sys.executable, "-m", "edge"]
    asked = state.parent / "power-off"
    running = subprocess.Popen(
        [*greenlight, "run", "--simulate", "--config", config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "GREENLIGHT_POWER_OFF": str(asked)},
    )

    def status() -> dict[str, Any]:
        try:
            return client.ask(state, "status")
        except (client.NotRunning, FileNotFoundError):
            return {"model": None}

    outcome: dict[str, Any] = {}
    try:
        wait_until(lambda: status()["model"], "a model")
        assert client.ask(state, "press")["ok"]
        subprocess.run(["mount", "--bind", str(state), str(state)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(state)], check=True)
        wait_until(lambda: status()["fault"], "a fault")
        outcome["status"] = status()
        outcome["press"] = client.ask(state, "press")
        doctor = [*greenlight, "doctor", "--simulate", "--config", config]
        found = subprocess.run(doctor, capture_output=True, text=True, check=False)
        outcome["doctor"] = [found.returncode, found.stdout]
        outcome["hold"] = client.ask(state, "hold", seconds=10.5)
        outcome["exit"] = running.wait(30)
        outcome["power-off"] = asked.exists()
    finally:
        running.kill()
        running.wait(30)
    return outcome


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
