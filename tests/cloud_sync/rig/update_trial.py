"""Model updates on all real parts, while appliance and sync service are killed in the middle.

The local cloud, the real appliance, the real sync service, real bundles. At every look: a job that
has succeeded means a pointer that points at its version, and the pointer's bundle is whole.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from rig.process import Process

from data import signing, wire
from data.bundle import read_bundle, write_bundle
from data.manifest import MANIFEST, MODEL, SIGNATURE
from data.messages import ModelUpdateJob
from lambdas.operator.aws import on_local_cloud
from lambdas.operator.devices import provision

_UPDATE_SECONDS = 90.0
# A minute is the shortest that AWS allows.
_TIMEOUT_SECONDS = 120.0


@dataclass
class UpdateReport:
    """The trial's result."""

    updates: int = 0
    timeouts: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    active_seconds: list[float] = field(default_factory=list)


class UpdateTrial:
    """One device, one cloud, many versions."""

    def __init__(self, bundle: Path, folder: Path, seed: int) -> None:
        self._rng = random.Random(seed)
        self._folder = folder
        self._cloud = folder / "cloud"
        _greenlight_cloud("local", "start", "--local", str(self._cloud))
        self._aws = on_local_cloud(self._cloud)
        assert self._aws.local is not None
        self._key = signing.development_key()
        self._public = {self._key.key_id: self._key.public_pem}
        self._thing = f"updates-{seed}"
        keys = [self._aws.signing_key(self._aws.local.stack).public_pem(), self._key.public_pem]
        provision(self._aws, self._aws.local.stack, self._thing, folder / "thing", keys)
        self._bundle = read_bundle(bundle, self._public)
        self._state = folder / "state"
        config = folder / "greenlight.toml"
        config.write_text(
            f'thing = "{self._thing}"\nstate = "{self._state}"\npage = false\n'
            f'public_keys = "{folder / "thing" / "public-keys"}"\n'
        )
        scripts = Path(sys.executable).parent
        appliance = [str(scripts / "greenlight"), "run", "--simulate", "--config", str(config)]
        sync = [str(scripts / "greenlight-sync"), "run", "-c", str(folder / "thing/sync.toml")]
        self._processes = {
            "appliance": Process(appliance, folder / "appliance.log"),
            "sync": Process([*sync, "--state", str(self._state)], folder / "sync.log"),
        }
        self.report = UpdateReport()
        self._began = 0.0

    def run(self, updates: int, kills: int) -> UpdateReport:
        """Bring this many versions, with this many kills in each."""
        for version in range(1, updates + 1):
            job_id = self._publish(version)
            began = self._began = time.monotonic()
            for name in self._victims(kills):
                self._watch(job_id, version, self._rng.uniform(0.05, 1.1))
                process = self._processes[name]
                process.kill()
                self.report.kills[f"{name} killed in {self._step(job_id)}"] += 1
                time.sleep(self._rng.uniform(0.0, 0.3))
                process.start()
            done = self._watch(job_id, version, _UPDATE_SECONDS, until_done=True)
            if done != "SUCCEEDED":
                self.report.broken.append(f"version {version}: the job is {done}")
            self.report.seconds.append(round(time.monotonic() - began, 2))
            self.report.updates += 1
        return self.report

    def time_out(self, version: int) -> None:
        """Let the cloud give a job up while the appliance is frozen: a late success is none.

        The service hears of it by its own report being refused, or by asking after a restart.
        """
        appliance, sync = self._processes["appliance"], self._processes["sync"]
        appliance.freeze()
        job_id = self._publish(version, {"inProgressTimeoutInMinutes": 1})
        until = time.monotonic() + _TIMEOUT_SECONDS
        status = ""
        while time.monotonic() < until and status != "TIMED_OUT":
            time.sleep(1)
            status = self._execution(job_id)["status"]
        if status != "TIMED_OUT":
            self.report.broken.append(f"version {version}: it is {status}, not TIMED_OUT")
        if self._rng.random() < 0.5:
            sync.kill()
            sync.start()
            self.report.kills["sync killed after a timeout"] += 1
        appliance.thaw()
        self._publish(version + 1)
        following = f"{self._thing}-{version + 1}"
        done = self._watch(following, version + 1, _UPDATE_SECONDS, until_done=True)
        if done != "SUCCEEDED":
            self.report.broken.append(f"version {version + 1}: after a timeout it is {done}")
        status = self._execution(job_id)["status"]
        if status != "TIMED_OUT":
            self.report.broken.append(f"version {version}: {status} after it had timed out")
        self.report.timeouts += 1

    def close(self) -> None:
        """End everything."""
        for process in self._processes.values():
            process.stop()
        _greenlight_cloud("local", "stop", "--local", str(self._cloud))

    def _victims(self, kills: int) -> list[str]:
        if not kills:
            return []
        # The appliance dies at most once an update: more often means to it that the model is bad.
        victims = ["sync"] * (kills - 1) + [self._rng.choice(["appliance", "sync"])]
        self._rng.shuffle(victims)
        return victims

    def _watch(self, job_id: str, version: int, seconds: float, until_done: bool = False) -> str:
        deadline = time.monotonic() + seconds
        status = ""
        while time.monotonic() < deadline:
            # In this order: what was reported to the cloud must have been true before.
            status = self._execution(job_id)["status"]
            active = self._active()
            self.report.looks += 1
            if active == version and len(self.report.active_seconds) < version:
                self.report.active_seconds.append(time.monotonic() - self._began)
            if status == "SUCCEEDED" and active != version:
                self.report.broken.append(f"version {version} succeeded, the pointer says {active}")
            if active is not None:
                read_bundle(self._state / "versions" / str(active), self._public)
            if until_done and status not in ("QUEUED", "IN_PROGRESS"):
                return str(status)
            time.sleep(0.05)
        return str(status)

    def _active(self) -> int | None:
        try:
            pointer = json.loads((self._state / "models.json").read_text())
        except FileNotFoundError:
            return None
        active = pointer["active"]
        return int(active) if active is not None else None

    def _execution(self, job_id: str) -> Any:
        return self._aws.client("iot").describe_job_execution(jobId=job_id, thingName=self._thing)[
            "execution"
        ]

    def _step(self, job_id: str) -> str:
        found = self._execution(job_id)
        details = found.get("statusDetails", {}).get("detailsMap", {})
        return str(details.get("step", found["status"].lower()))

    def _publish(self, version: int, timeout: dict[str, int] | None = None) -> str:
        assert self._aws.local is not None
        bucket, prefix = self._aws.local.models_bucket, f"models/{self._thing}/{version}/"
        # Another hash for each version: a field that means nothing, appended to the graph's file.
        comment = b"version %04d" % version
        files = {
            **self._bundle.files,
            MODEL: self._bundle.model + bytes([0x32, len(comment)]) + comment,
        }
        folder = self._folder / f"bundle-{version}"
        manifest = msgspec.structs.replace(self._bundle.manifest, version=version)
        sha256 = write_bundle(folder, manifest, files, self._key)
        for name in (*files, MANIFEST, SIGNATURE):
            self._aws.client("s3").put_object(
                Bucket=bucket, Key=prefix + name, Body=(folder / name).read_bytes()
            )
        document = ModelUpdateJob("model-update", version, bucket, prefix, sha256)
        target = self._aws.client("iot").describe_thing(thingName=self._thing)["thingArn"]
        job_id = f"{self._thing}-{version}"
        self._aws.client("iot").create_job(
            jobId=job_id,
            targets=[target],
            document=wire.encode(document).decode(),
            **({"timeoutConfig": timeout} if timeout else {}),
        )
        return job_id


def _greenlight_cloud(*words: str) -> None:
    command = [sys.executable, "-m", "local_cloud", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=120)
