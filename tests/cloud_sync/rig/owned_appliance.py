"""The real appliance and its owner, both processes, beside the sync service under trial."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rig.process import Process
from rig.records import THING

from data.signing import PrivateKey

_RIG = Path(__file__).parent
_TIMEOUT_SECONDS = 60.0
_DIRECTORS = 1000


class OwnedAppliance:
    """`greenlight run` on the trial's state folder with a small real model, and who uses it."""

    def __init__(self, folder: Path, state: Path) -> None:
        from training.export.example_bundle import make_example_bundle

        key = PrivateKey.new()
        bundle = folder / "bundle"
        # Every film is made once, and a long soak makes a thousand.
        make_example_bundle(bundle, directors=_DIRECTORS, version=1, key=key)
        keys = folder / "public-keys"
        keys.mkdir(exist_ok=True)
        (keys / "ours.pub.pem").write_bytes(key.public_pem)
        config = folder / "greenlight.toml"
        config.write_text(
            f'thing = "{THING}"\nstate = "{state}"\npage = false\n'
            f'public_keys = "{keys}"\nfirst_bundle = "{bundle}"\n'
        )
        self._confirmed = folder / "confirmed-by-owner"
        self._calm = folder / "calm"
        command = [sys.executable, "-m", "edge", "run", "--simulate", "--config", str(config)]
        self.appliance = Process(command, folder / "appliance.log")
        self._state, self._folder = state, folder
        self._owner: Process | None = None

    def invite_owner(self) -> None:
        """Have somebody press, approve and rate from now on, as fast as a button can."""
        owner = [sys.executable, str(_RIG / "owner.py"), str(self._state)]
        self._owner = Process(
            [*owner, str(self._confirmed), str(self._calm)], self._folder / "owner.log"
        )

    def confirmed(self) -> set[str]:
        """Return the ids of all ratings that the appliance has confirmed."""
        if not self._confirmed.exists():
            return set()
        return set(self._confirmed.read_text().splitlines())

    def await_pick(self) -> None:
        """Wait until the appliance answers: another film is picked and rated."""
        known, deadline = len(self.confirmed()), time.monotonic() + _TIMEOUT_SECONDS
        while len(self.confirmed()) <= known:
            if time.monotonic() > deadline or self.appliance.ended:
                raise RuntimeError("the appliance does not answer")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it after a pick: deaths before the first mean to it that the model is bad."""
        self.await_pick()
        self.appliance.kill()

    def calm(self) -> None:
        """Let the owner go, and wait until they have."""
        self._calm.touch()
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self._owner is not None and not self._owner.ended and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        """End both."""
        if self._owner is not None:
            self._owner.stop()
        self.appliance.stop()
