"""Who may do what by the template: no more than the code needs, and each wildcard has a reason."""

from __future__ import annotations

from typing import Any

import pytest

from data import topics
from lambdas.operator.cloudformation import TEMPLATE
from lambdas.training_jobs import prefix_of

from .rights import PAGE, on_the_page, table
from .template_text import ACCOUNT, THING, granted, read_template, several, statements


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in read_template()["Resources"].items()}


def test_the_page_shows_the_rights_that_the_template_grants() -> None:
    assert on_the_page(PAGE.read_text("utf-8")) == table(), "`make rights` writes the table"


def test_no_wildcard_stands_without_its_reason_beside_it() -> None:
    lines = TEMPLATE.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        code, _, reason = line.partition(" #")
        if "*" not in code or code.lstrip().startswith("#") or "Sql:" in code:
            continue
        above = lines[number - 1]
        assert reason or " #" in above or above.lstrip().startswith("#"), (
            f"line {number + 1}: {line}"
        )


def test_roles_name_their_actions_one_by_one(resources: dict[str, Any]) -> None:
    for name, statement in statements(resources):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action, f"{name}: {action}"


def test_a_device_may_use_its_own_topics_and_no_others(resources: dict[str, Any]) -> None:
    down = {
        topics.feedback_ack(THING),
        topics.verification_reply(THING),
        f"{topics.jobs(THING)}/*",
        f"{topics.shadow_update(THING)}/*",
    }
    assert granted(resources, "iot:Connect") == {f"client/{THING}"}
    assert granted(resources, "iot:Publish") == {
        f"topic/{topic}"
        for topic in (
            topics.feedback(THING),
            topics.verification(THING),
            f"{topics.jobs(THING)}/*",
            topics.shadow_update(THING),
        )
    }
    assert granted(resources, "iot:Receive") == {f"topic/{topic}" for topic in down}
    assert granted(resources, "iot:Subscribe") == {f"topicfilter/{topic}" for topic in down}
    known = {"iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"}
    actions = {s["Action"] for s in resources["DevicePolicy"]["PolicyDocument"]["Statement"]}
    assert actions == known | {"iot:AssumeRoleWithCertificate"}


def test_the_functions_may_answer_on_the_topics_that_devices_listen_to(
    resources: dict[str, Any],
) -> None:
    for role, topic in (
        ("StoreFeedbackRole", topics.feedback_ack(THING)),
        ("PredictRole", topics.verification_reply(THING)),
    ):
        publish = [
            s for name, s in statements(resources) if (name, s["Action"]) == (role, "iot:Publish")
        ]
        arn = publish[0]["Resource"]["Fn::Sub"]
        assert arn == f"{ACCOUNT}:topic/{topic}".replace(THING, "*")


def test_the_keys_in_the_buckets_are_those_that_the_roles_name(resources: dict[str, Any]) -> None:
    grants = {
        (name, statement["Action"]): statement["Resource"]
        for name, statement in statements(resources)
        if isinstance(statement["Action"], str)
    }
    models = topics.bundle_prefix("x", 1).partition("/")[0]
    assert grants["StoreFeedbackRole", "s3:PutObject"] == [
        {"Fn::Sub": f"${{DataBucket.Arn}}/{prefix}*"}
        for prefix in (topics.FEEDBACK_PREFIX, topics.HELD_OUT_PREFIX)
    ]
    trust = topics.TRUST_PREFIX.partition("/")[0]
    assert grants["DeviceRole", "s3:GetObject"] == [
        {"Fn::Sub": f"${{ModelsBucket.Arn}}/{prefix}/*"} for prefix in (models, trust)
    ]
    device = [
        statement["Action"] for name, statement in statements(resources) if name == "DeviceRole"
    ]
    assert device == ["s3:GetObject"], "a device reads models and trust documents, and that is all"


def allowed(resources: dict[str, Any], role: str) -> dict[str, list[Any]]:
    """Return what a role may do, each action with its resources."""
    found: dict[str, list[Any]] = {}
    for name, statement in statements(resources):
        if name == role:
            for action in several(statement["Action"]):
                found.setdefault(action, []).extend(several(statement["Resource"]))
    return found


def test_a_training_job_reads_what_it_learns_from_and_writes_candidates_only(
    resources: dict[str, Any],
) -> None:
    rights = allowed(resources, "TrainingRole")
    assert rights["s3:GetObject"] == [
        {"Fn::Sub": f"${{DataBucket.Arn}}/{topics.FEEDBACK_PREFIX}*"},
        {"Fn::Sub": f"${{DataBucket.Arn}}/{topics.FILM_TABLE_PREFIX}*"},
        {"Fn::Sub": "${ModelsBucket.Arn}/arrays/*"},
        {"Fn::Sub": "${ModelsBucket.Arn}/models/*"},
    ]
    assert rights["s3:PutObject"] == [{"Fn::Sub": f"${{ModelsBucket.Arn}}/{topics.CANDIDATES}*"}]
    assert not [action for action in rights if action.startswith(("kms:", "iot:", "lambda:"))]


def test_a_training_job_can_neither_list_nor_read_what_is_held_out(
    resources: dict[str, Any],
) -> None:
    listing = [
        (statement["Resource"], statement["Condition"]["StringLike"]["s3:prefix"])
        for name, statement in statements(resources)
        if name == "TrainingRole" and "s3:ListBucket" in several(statement["Action"])
    ]
    assert listing == [
        (
            {"Fn::GetAtt": "DataBucket.Arn"},
            [f"{topics.FEEDBACK_PREFIX}*", f"{topics.FILM_TABLE_PREFIX}*"],
        ),
        ({"Fn::GetAtt": "ModelsBucket.Arn"}, ["arrays/*", "models/*"]),
    ]
    assert "held-out" not in str(allowed(resources, "TrainingRole"))


def test_only_store_feedback_reads_the_key_and_only_the_judge_reads_what_it_holds_out(
    resources: dict[str, Any],
) -> None:
    key = {
        name
        for name, statement in statements(resources)
        if "secretsmanager:GetSecretValue" in several(statement["Action"])
    }
    assert key == {"StoreFeedbackRole"}
    held_out = {"Fn::Sub": f"${{DataBucket.Arn}}/{topics.HELD_OUT_PREFIX}*"}
    readers = {
        name
        for name, statement in statements(resources)
        if "s3:GetObject" in several(statement["Action"])
        and held_out in several(statement["Resource"])
    }
    assert readers == {"JudgeModelRole"}


def test_only_release_model_signs_and_announces_and_it_can_neither_train_nor_read_ratings(
    resources: dict[str, Any],
) -> None:
    may_sign = {
        name
        for name, statement in statements(resources)
        if "kms:Sign" in several(statement["Action"])
    }
    assert may_sign == {"ReleaseModelRole"}
    rights = allowed(resources, "ReleaseModelRole")
    assert rights["kms:Sign"] == [{"Fn::GetAtt": "SigningKey.Arn"}]
    assert rights["iot:CreateJob"] == [
        {"Fn::Sub": f"{ACCOUNT}:job/${{ModelName}}-*"},
        {"Fn::GetAtt": "Fleet.Arn"},
    ]
    assert "DataBucket" not in str(rights)
    assert not [action for action in rights if "Training" in action]
    deletes = [action for action in rights if "Delete" in action]
    assert deletes == ["sagemaker:DeleteEndpoint"], "a failed one can only be deleted"


def test_only_release_model_writes_the_outcome_of_a_job_and_it_cannot_write_what_a_job_leaves(
    resources: dict[str, Any],
) -> None:
    outcomes, candidates = (
        {"Fn::Sub": f"${{ModelsBucket.Arn}}/{prefix}*"}
        for prefix in (topics.OUTCOMES, topics.CANDIDATES)
    )
    roles = {name for name, _ in statements(resources)}
    writers = {
        name: [prefix for prefix in (outcomes, candidates) if prefix in puts]
        for name in roles
        if (puts := allowed(resources, name).get("s3:PutObject", []))
    }
    assert {name for name, prefixes in writers.items() if outcomes in prefixes} == {
        "ReleaseModelRole"
    }
    assert {name for name, prefixes in writers.items() if candidates in prefixes} == {
        "TrainingRole"
    }


def test_start_retraining_passes_one_role_and_starts_no_job_but_the_stacks_own(
    resources: dict[str, Any],
) -> None:
    rights = allowed(resources, "StartRetrainingRole")
    assert rights["iam:PassRole"] == [{"Fn::GetAtt": "TrainingRole.Arn"}]
    (job,) = rights["sagemaker:CreateTrainingJob"]
    assert job["Fn::Sub"].endswith(f":training-job/{prefix_of('${AWS::StackName}')}*")
    assert rights["lambda:InvokeFunction"] == [{"Fn::GetAtt": "ReleaseModel.Arn"}]
    assert "s3:GetObject" not in rights, "it looks whether objects are there, and reads none"
