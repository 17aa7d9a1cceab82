"""SageMaker's training jobs, locally: the same command line, as a subprocess.

The channels are downloaded from S3, the command runs with the environment from the request, and the
model's folder is uploaded to S3 as `model.tar.gz`. Then EventBridge gets an event.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from data.durable import replace_durably
from lambdas.operator.aws import Aws
from lambdas.training_jobs import DETAIL_TYPE, SOURCE
from local_cloud import supervise
from local_cloud.roles import Roles, split_s3_uri
from local_cloud.state import LocalState, log_tail

_ML = "/opt/ml"
_STOP_SECONDS = 10.0
# Of this process's environment; the last three say how many processors a job may use.
_KEPT = ("PATH", "HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SM_NUM_CPUS")
# SageMaker's own limit for a job that names none: a day.
_MOST_SECONDS = 86_400.0
_JOB = "job.json"
_ARN = "arn:aws:sagemaker:us-east-1:000000000000:training-job/"


class JobExists(Exception):
    """There is a training job of this name."""


class _TookTooLong(Exception):
    """A job ran for longer than allowed."""


class TrainingJobs:
    """The training jobs; a context manager that stops those still running."""

    def __init__(self, state: LocalState, aws: Aws, roles: Roles) -> None:
        # Absolute: the command runs in another folder.
        self._folder = state.training.resolve()
        self._log = state.log("training")
        self._events = aws.client("events")
        self._roles = roles
        self._running: dict[str, subprocess.Popen[bytes] | None] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> TrainingJobs:
        # Jobs that were running when this local cloud was killed are no longer running.
        for path in self._folder.glob(f"*/{_JOB}"):
            record = _read(path)
            if record["TrainingJobStatus"] == "InProgress":
                self._end(record, "Stopped", "the local cloud was stopped")
        return self

    def __exit__(self, *_: object) -> None:
        running, self._running = self._running, {}
        for process in running.values():
            if process is not None:
                process.terminate()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def create(self, asked: dict[str, Any]) -> None:
        """Start a job.

        Raises:
            JobExists: there is one of this name.
        """
        name = asked["TrainingJobName"]
        folder = self._folder / name
        if (folder / _JOB).exists():
            raise JobExists(f"Training job names must be unique within an account: {name}")
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            "TrainingJobName": name,
            "TrainingJobArn": _ARN + name,
            "TrainingJobStatus": "InProgress",
            "CreationTime": datetime.now(UTC).timestamp(),
            "OutputDataConfig": asked["OutputDataConfig"],
        }
        replace_durably(folder / _JOB, json.dumps(record).encode())
        self._running[name] = None
        thread = threading.Thread(target=self._run, args=(asked, record), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def describe(self, name: str) -> dict[str, Any]:
        """Return a job's description.

        Raises:
            ValueError: there is none of this name.
        """
        try:
            return _read(self._folder / name / _JOB)
        except OSError:
            raise ValueError("Requested resource not found.") from None

    def newest(self, words: str, most: int) -> list[dict[str, Any]]:
        """Return the newest jobs whose names contain this text."""
        found = [_read(path) for path in self._folder.glob(f"*{words}*/{_JOB}")]
        return sorted(found, key=lambda record: float(record["CreationTime"]), reverse=True)[:most]

    def _run(self, asked: dict[str, Any], record: dict[str, Any]) -> None:
        folder = self._folder / record["TrainingJobName"]
        try:
            failure = self._train(asked, folder)
        except (ClientError, BotoCoreError, OSError) as error:
            failure = f"ClientError: {error}"
        except _TookTooLong as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - the outermost frame of this thread
            # Others may be waiting for the job's end.
            traceback.print_exc()
            failure = f"InternalServerError: {error!r}"
        if record["TrainingJobName"] not in self._running:
            self._end(record, "Stopped", "the local cloud was stopped")
        else:
            self._end(record, "Failed" if failure else "Completed", failure)

    def _train(self, asked: dict[str, Any], folder: Path) -> str:
        """Run a job; return why it failed, or nothing."""
        role = asked["RoleArn"]
        for channel in asked["InputDataConfig"]:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            place = folder / "input" / "data" / channel["ChannelName"]
            place.mkdir(parents=True)
            if not self._roles.download(role, uri, place):
                return f"ClientError: Data download failed: No S3 objects found under {uri}"
        (folder / "model").mkdir()
        (folder / "output" / "data").mkdir(parents=True)
        code, last = self._command(asked, folder)
        if code:
            return f"AlgorithmError: {last}, exit code: {code}"
        archive = folder / "model.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            packed.add(folder / "model", arcname=".")
        bucket, prefix = split_s3_uri(asked["OutputDataConfig"]["S3OutputPath"])
        key = f"{prefix}/{folder.name}/output/model.tar.gz"
        self._roles.write(role, bucket, key, archive)
        return ""

    def _command(self, asked: dict[str, Any], folder: Path) -> tuple[int, str]:
        """Run the container's command here; return its exit code and its last line of output."""
        algorithm = asked["AlgorithmSpecification"]
        words = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", ())]
        if words[0] == "python":
            words[0] = sys.executable
        given = {
            name: str(folder / value.removeprefix(_ML + "/")) if value.startswith(_ML) else value
            for name, value in asked.get("Environment", {}).items()
        }
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        log = folder / "output.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, supervise.__file__, *words],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=kept | given,
                start_new_session=True,
            )
            if folder.name in self._running:
                self._running[folder.name] = process
            else:
                process.terminate()
            most = float(
                asked.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _MOST_SECONDS)
            )
            try:
                code = process.wait(most)
            except subprocess.TimeoutExpired:
                _stop(process)
                raise _TookTooLong(
                    f"MaxRuntimeExceeded: it was stopped after {most:.0f} s; {log_tail(log)}"
                ) from None
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        with self._log.open("a", encoding="utf-8") as all_jobs:
            all_jobs.writelines(f"{folder.name}: {line}\n" for line in lines)
        return code, lines[-1] if lines else "it printed nothing"

    def _end(self, record: dict[str, Any], status: str, failure: str) -> None:
        """Record how a job ended, send the event, and delete its working files."""
        ended = record | {"TrainingJobStatus": status, "FailureReason": failure}
        ended["TrainingEndTime"] = datetime.now(UTC).timestamp()
        folder = self._folder / record["TrainingJobName"]
        for used in ("input", "model", "output", "build"):
            shutil.rmtree(folder / used, ignore_errors=True)
        (folder / "model.tar.gz").unlink(missing_ok=True)
        replace_durably(folder / _JOB, json.dumps(ended).encode())
        self._running.pop(record["TrainingJobName"], None)
        # Events may get lost; start_retraining looks for jobs whose end was missed.
        with suppress(ClientError, BotoCoreError):
            self._events.put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Resources": [record["TrainingJobArn"]],
                        "Detail": json.dumps(ended),
                    }
                ]
            )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS)


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_bytes())
    return record
