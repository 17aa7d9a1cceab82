"""What each role of a retraining reaches, tried with its own credentials, as docs/security.md says.

The local cloud enforces the template's policies, so each cell of the page's table is a call that
succeeds or is denied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from data import topics
from data.manifest import MANIFEST
from data.verdict import VERDICT

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROLES = {
    "store_feedback": "StoreFeedbackRole",
    "training job": "TrainingRole",
    "judge_model": "JudgeModelRole",
    "release_model": "ReleaseModelRole",
}
JOB = "greenlight-retrain-reach"
DENIED = ("AccessDenied", "AccessDeniedException", "403")


class Reach:
    """One role's credentials; each method tries something, and says whether it was allowed."""

    def __init__(self, local_cloud: Any, role: str) -> None:
        aws = local_cloud.aws
        self._aws = aws
        self._data, self._models = aws.local.data_bucket, aws.local.models_bucket
        resources = aws.client("cloudformation").describe_stack_resources(
            StackName=aws.local.stack, LogicalResourceId=role
        )["StackResources"]
        arn = aws.client("iam").get_role(RoleName=resources[0]["PhysicalResourceId"])["Role"]["Arn"]
        granted = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="reach")
        keys = granted["Credentials"]
        self._session = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], aws.region
        )

    def client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._aws.endpoint_url)

    def reads(self, bucket: str, key: str) -> bool:
        """Return whether an object can be read; it is put by the account first."""
        self._aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"there")
        return allowed(lambda: self.client("s3").get_object(Bucket=bucket, Key=key))

    def writes(self, bucket: str, key: str) -> bool:
        return allowed(lambda: self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x"))

    def lists(self, bucket: str, prefix: str) -> bool:
        return allowed(lambda: self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix))

    def reads_key(self) -> bool:
        secret = self._aws.outputs(self._aws.local.stack)["HeldOutKey"]
        return allowed(lambda: self.client("secretsmanager").get_secret_value(SecretId=secret))

    def signs(self) -> bool:
        key = self._aws.outputs(self._aws.local.stack)["SigningKey"]
        return allowed(
            lambda: self.client("kms").sign(
                KeyId=key, Message=b"x", MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
            )
        )

    def asks(self, function: str) -> bool:
        name = f"{self._aws.local.stack}-{function}"
        event = json.dumps({"job": "nobody's"}).encode()
        return allowed(lambda: self.client("lambda").invoke(FunctionName=name, Payload=event))

    def tries(self) -> dict[str, Callable[[], bool]]:
        """Return what the page's rows say, each as the call that shows it."""
        data, models = self._data, self._models
        return {
            "reads ratings that train": lambda: self.reads(
                data, f"{topics.FEEDBACK_PREFIX}reach.txt"
            ),
            "writes ratings that train": lambda: self.writes(
                data, f"{topics.FEEDBACK_PREFIX}reach.txt"
            ),
            "lists ratings that train": lambda: self.lists(data, topics.FEEDBACK_PREFIX),
            "reads held-out ratings": lambda: self.reads(
                data, f"{topics.HELD_OUT_PREFIX}reach.txt"
            ),
            "writes held-out ratings": lambda: self.writes(
                data, f"{topics.HELD_OUT_PREFIX}reach.txt"
            ),
            "lists held-out ratings": lambda: self.lists(data, topics.HELD_OUT_PREFIX),
            "lists the whole data bucket": lambda: self.lists(data, ""),
            "reads held-out films": lambda: self.reads(
                data, f"{topics.FILM_TABLE_HELD_OUT_PREFIX}reach.txt"
            ),
            "lists held-out films": lambda: self.lists(data, topics.FILM_TABLE_HELD_OUT_PREFIX),
            "reads the key that holds out": self.reads_key,
            "writes candidates": lambda: self.writes(models, topics.candidate_object(JOB)),
            "reads candidates": lambda: self.reads(models, topics.candidate_object(JOB)),
            "writes the judge's verdicts": lambda: self.writes(
                models, topics.judged_prefix(JOB) + VERDICT
            ),
            "writes its looks at the ratings": lambda: self.writes(
                models, topics.looks_prefix("0" * 64) + "reach"
            ),
            "signs models": self.signs,
            "publishes models": lambda: self.writes(
                models, topics.bundle_prefix("reach", 1) + MANIFEST
            ),
            "writes what the endpoint serves": lambda: self.writes(
                models, topics.arrays_prefix("reach", 1) + "x"
            ),
            "writes outcomes": lambda: self.writes(models, topics.outcome_prefix(JOB) + "x"),
            "asks for a verdict": lambda: self.asks("judge-model"),
            "asks for a release": lambda: self.asks("release-model"),
        }


def allowed(call: Callable[[], Any]) -> bool:
    """Return whether a call was allowed; any error but a denial fails the test."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return False
    return True


def rows_of_the_page() -> dict[str, dict[str, bool]]:
    """Return the page's table: what each role reaches."""
    text = PAGE.read_text("utf-8")
    table = text[text.index("| role reaches") :].split("\n\n")[0].splitlines()
    heads = [cell.strip() for cell in table[0].strip("|").split("|")][1:]
    rows = {}
    for line in table[2:]:
        what, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert all(re.fullmatch("yes|no", cell) for cell in cells), line
        rows[what] = {
            head.strip("`"): cell == "yes" for head, cell in zip(heads, cells, strict=True)
        }
    return rows


@pytest.mark.parametrize("who", ROLES)
def test_a_role_reaches_what_the_page_says_and_no_more(local_cloud: Any, who: str) -> None:
    reach = Reach(local_cloud, ROLES[who])
    found = {what: call() for what, call in reach.tries().items()}
    assert found == {what: cells[who] for what, cells in rows_of_the_page().items()}
