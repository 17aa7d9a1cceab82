"""SageMaker's control API, locally: the calls that Greenlight makes, with SageMaker's own answers.

It doesn't check signatures. But it reads and writes S3 with the roles it is given, so a role that
lacks a right fails here as it would in AWS.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from data.manifest import ARRAYS, ARRAYS_BEFORE
from local_cloud.endpoint import NAME, HttpReply, MlEndpoint, refusal
from local_cloud.roles import Roles, split_s3_uri
from local_cloud.state import LocalCloudFailed, LocalState
from local_cloud.training import JobExists, TrainingJobs

_ARN = "arn:aws:sagemaker:us-east-1:000000000000"
# Errors that can keep a model from being served; any other is a bug.
_EXPECTED = (
    LocalCloudFailed,
    ClientError,
    BotoCoreError,
    OSError,
    EOFError,
    KeyError,
    tarfile.TarError,
)


class _Refused(Exception):
    """SageMaker would refuse this."""

    def __init__(self, message: str, kind: str = "ValidationException") -> None:
        super().__init__(message)
        self.kind = kind


class SageMakerApi:
    """Models, endpoint configurations, the endpoint, and training jobs.

    Models and configurations are forgotten when the local cloud ends; the next release creates them
    again. The endpoint keeps the model it serves, and training jobs are kept.
    """

    def __init__(
        self, state: LocalState, endpoint: MlEndpoint, jobs: TrainingJobs, roles: Roles
    ) -> None:
        self._state = state
        self._endpoint = endpoint
        self._jobs = jobs
        self._roles = roles
        self._lock = threading.Lock()
        self._models: dict[str, dict[str, Any]] = {}
        self._configs: dict[str, dict[str, Any]] = {}
        self._served: dict[str, Any] = {}
        self._calls: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateModel": self._create_model,
            "CreateEndpointConfig": self._create_config,
            "CreateEndpoint": self._create_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "DeleteEndpoint": self._delete_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "CreateTrainingJob": self._create_job,
            "DescribeTrainingJob": lambda asked: self._jobs.describe(_name(asked, "TrainingJob")),
            "ListTrainingJobs": self._list_jobs,
        }

    def answer(self, call: str, body: bytes) -> HttpReply:
        """Answer one API call."""
        if call not in self._calls:
            return refusal(400, "UnknownOperationException", f"{call} is not emulated here")
        try:
            with self._lock:
                found = self._calls[call](json.loads(body or b"{}"))
            return HttpReply(200, json.dumps(found).encode())
        except _Refused as error:
            return refusal(400, error.kind, str(error))
        except JobExists as error:
            return refusal(400, "ResourceInUse", str(error))
        except (KeyError, TypeError, ValueError) as error:
            return refusal(400, "ValidationException", f"{call}: invalid request: {error!r}")

    # ---------------------------------------------------------------- training

    def _create_job(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = _name(asked, "TrainingJob")
        self._jobs.create(asked)
        return {"TrainingJobArn": f"{_ARN}:training-job/{name}"}

    def _list_jobs(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._jobs.newest(asked.get("NameContains", ""), int(asked.get("MaxResults", 10)))
        return {"TrainingJobSummaries": found}

    # ---------------------------------------------------------------- the endpoint

    def _create_model(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._make(self._models, asked, "Model", "model")

    def _create_config(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["ProductionVariants"][0]["ModelName"] not in self._models:
            raise _Refused("Could not find model")
        return self._make(self._configs, asked, "EndpointConfig", "endpoint configuration")

    def _make(
        self, kept: dict[str, dict[str, Any]], asked: dict[str, Any], kind: str, words: str
    ) -> dict[str, Any]:
        name = _name(asked, kind)
        if name in kept:
            raise _Refused(f'Cannot create already existing {words} "{name}".')
        kept[name] = asked
        return {f"{kind}Arn": f"{_ARN}:{kind.lower()}/{name}"}

    def _create_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._served:
            raise _Refused(f'Cannot create already existing endpoint "{NAME}".')
        return self._begin("Creating", asked)

    def _update_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not self._served:
            raise _Refused("Could not find endpoint")
        if self._served["EndpointStatus"] in ("Creating", "Updating"):
            raise _Refused("Cannot update in-progress endpoint")
        if self._served["EndpointStatus"] == "Failed":
            # docs: DescribeEndpoint, EndpointStatus: "DeleteEndpoint is the only operation that
            # can be performed on a failed endpoint."
            raise _Refused("Cannot update a failed endpoint")
        return self._begin("Updating", asked)

    def _delete_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._describe_endpoint(asked)
        if self._served["EndpointStatus"] in ("Creating", "Updating"):
            raise _Refused("Cannot delete in-progress endpoint")
        self._served = {}
        return {}

    def _begin(self, status: str, asked: dict[str, Any]) -> dict[str, Any]:
        if _name(asked, "Endpoint") != NAME:
            raise _Refused(f"the local cloud has one endpoint, {NAME}")
        config = asked["EndpointConfigName"]
        if config not in self._configs:
            raise _Refused(f'Could not find endpoint configuration "{config}".')
        before = self._served.get("EndpointConfigName")
        self._served = {
            "EndpointName": NAME,
            "EndpointConfigName": before or config,
            "EndpointStatus": status,
        }
        if before:
            self._served["PendingDeploymentSummary"] = {"EndpointConfigName": config}
        model = self._models[self._configs[config]["ProductionVariants"][0]["ModelName"]]
        threading.Thread(
            target=self._serve, args=(config, model, before), name="endpoint", daemon=True
        ).start()
        return {"EndpointArn": f"{_ARN}:endpoint/{NAME}"}

    def _serve(self, config: str, model: dict[str, Any], before: str | None) -> None:
        """Serve a model; if it can't be served, the previous one still is."""
        try:
            self._endpoint.update(self._arrays(config, model))
            ended = {"EndpointConfigName": config, "EndpointStatus": "InService"}
        except Exception as error:  # noqa: BLE001 - the outermost frame of this thread
            # Those who wait for the endpoint only poll its status.
            if not isinstance(error, _EXPECTED):
                traceback.print_exc()
            reason = str(error) if isinstance(error, LocalCloudFailed) else f"{error!r}"
            ended = {
                "EndpointConfigName": before or config,
                "EndpointStatus": "InService" if before else "Failed",
                "FailureReason": reason,
            }
        with self._lock:
            self._served = {"EndpointName": NAME, **ended}

    def _arrays(self, config: str, model: dict[str, Any]) -> Path:
        bucket, key = split_s3_uri(model["PrimaryContainer"]["ModelDataUrl"])
        archive = self._state.arrays / "model.tar.gz"
        archive.write_bytes(self._roles.read(model["ExecutionRoleArn"], bucket, key))
        target = self._state.arrays / ARRAYS
        target.with_name(ARRAYS_BEFORE).unlink(missing_ok=True)
        with tarfile.open(archive) as packed:
            for name in {ARRAYS, *packed.getnames()} & {ARRAYS, ARRAYS_BEFORE}:
                entry = packed.getmember(name)
                # Its bytes alone: only since Python 3.11.4 can `extract` refuse links.
                content = packed.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise LocalCloudFailed(f"{name} in {bucket}/{key} isn't a regular file")
                with target.with_name(name).open("wb") as arrays:
                    shutil.copyfileobj(content, arrays)
        return target

    def _describe_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not self._served or _name(asked, "Endpoint") != NAME:
            raise _Refused(f'Could not find endpoint "{_name(asked, "Endpoint")}".')
        return self._served


def _name(asked: Mapping[str, Any], kind: str) -> str:
    return str(asked[f"{kind}Name"])
