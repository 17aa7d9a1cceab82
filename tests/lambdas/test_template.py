"""The stack's template says what the code relies on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from data import limits, topics
from lambdas import training_jobs
from lambdas.operator.cloudformation import TEMPLATE
from lambdas.operator.package import ARCHITECTURES, AWS_PYTHON, FUNCTIONS
from local_cloud.launcher import SCHEDULED_TIME

from .template_text import read_template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in template["Resources"].items()}


def test_cfn_lint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run([linter, TEMPLATE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_rules_listen_to_the_topics_and_pass_the_bytes_untouched(
    resources: dict[str, Any],
) -> None:
    for rule, topic in (("FilmUpdate", topics.FEEDBACK), ("FilmRequest", topics.VERIFICATION)):
        payload = resources[rule]["TopicRulePayload"]
        assert payload["AwsIotSqlVersion"] == "2016-03-23"
        assert payload["Sql"] == (
            f"SELECT encode(*, 'base64') AS payload, topic(2) AS thing FROM '{topic}/+'"
        )
        assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": "Undelivered"}


def test_the_table_has_the_key_that_the_code_writes(resources: dict[str, Any]) -> None:
    films = resources["Films"]
    assert films["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert films["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]
    assert films["BillingMode"] == "PAY_PER_REQUEST"
    assert films["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert films["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize("bucket", ["DataBucket", "ModelsBucket"])
def test_the_buckets_are_versioned_encrypted_private_and_tls_only(
    bucket: str, template: dict[str, Any], resources: dict[str, Any]
) -> None:
    settings = resources[bucket]
    assert settings["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(settings["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(settings["PublicAccessBlockConfiguration"]) == 4
    assert settings["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = settings["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    assert template["Resources"][bucket]["DeletionPolicy"] == "Retain"
    statement = resources[f"{bucket}Policy"]["PolicyDocument"]["Statement"][0]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def functions_of(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_there_is_a_function_for_each_package_and_its_handler_exists(
    template: dict[str, Any],
) -> None:
    handlers = {settings["Handler"] for settings in functions_of(template).values()}
    assert handlers == {f"lambdas.{name}.handler.handle" for name in FUNCTIONS}
    for handler in handlers:
        module, _, name = handler.rpartition(".")
        assert callable(getattr(import_module(module), name))


def test_functions_run_on_the_processor_that_they_are_packaged_for(
    template: dict[str, Any],
) -> None:
    assert template["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
    own = {
        settings["Handler"].split(".")[1]: settings["Architectures"]
        for settings in functions_of(template).values()
        if "Architectures" in settings
    }
    assert own == {name: [architecture] for name, architecture in ARCHITECTURES.items()}


def test_functions_run_on_the_python_that_they_are_packaged_for(template: dict[str, Any]) -> None:
    shared = template["Globals"]["Function"]
    assert shared["Runtime"] == f"python{AWS_PYTHON}"
    assert shared["DeadLetterQueue"]["TargetArn"] == {"Fn::GetAtt": "Undelivered.Arn"}


def test_functions_are_given_exactly_the_settings_that_they_read(template: dict[str, Any]) -> None:
    for settings in functions_of(template).values():
        source = import_module(settings["Handler"].rpartition(".")[0]).__file__
        assert source is not None
        read = set(re.findall(r'os\.environ\["(\w+)"\]', Path(source).read_text("utf-8")))
        given = set(settings["Environment"]["Variables"])
        # These are read by boto3, and by Python itself.
        by_others = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_SAGEMAKER"}
        by_others |= {"PYTHONPATH"}
        assert given - by_others == read


def test_functions_have_retries_a_dead_letter_queue_and_logs_that_end(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    for name, settings in functions_of(template).items():
        assert settings["EventInvokeConfig"]["MaximumRetryAttempts"] == 2
        logs = resources[settings["LoggingConfig"]["LogGroup"]["Ref"]]
        assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert any(
            alarm.get("Dimensions") == [{"Name": "FunctionName", "Value": {"Ref": name}}]
            for alarm in resources.values()
        ), f"no alarm is raised when {name} fails"


def test_predict_has_time_left_for_its_reply_after_a_slow_endpoint(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    waits = resources["Predict"]["Environment"]["Variables"]["ENDPOINT_TIMEOUT_SECONDS"]
    assert (
        max(int(seconds) for seconds in waits["Fn::If"][1:]) + 10
        < template["Globals"]["Function"]["Timeout"]
    )


def test_the_queue_and_the_functions_take_a_message_of_the_largest_size(
    resources: dict[str, Any],
) -> None:
    as_base64 = limits.MAX_PAYLOAD_BYTES * 4 / 3
    assert as_base64 < 256 * 1024, "what AWS takes for an asynchronous call and for a queue"
    assert "MaximumMessageSize" not in resources["Undelivered"]


def test_the_signing_key_makes_the_signatures_that_devices_check(resources: dict[str, Any]) -> None:
    assert resources["SigningKey"]["KeySpec"] == "ECC_NIST_EDWARDS25519"
    assert resources["SigningKey"]["KeyUsage"] == "SIGN_VERIFY"


def test_only_what_the_emulator_refuses_is_left_out_locally(template: dict[str, Any]) -> None:
    left_out = {
        name: resource["Condition"]
        for name, resource in template["Resources"].items()
        if "Condition" in resource
    }
    # Switched on by a parameter that the local cloud sets.
    wanted = {"EndpointWanted", "HasTraining", "ServesReleases"}
    assert {name: why for name, why in left_out.items() if why not in wanted} == {
        "DataBucketPolicy": "OnAws",
        "ModelsBucketPolicy": "OnAws",
        "DeviceRoleAlias": "OnAws",
        "PathDown": "OnAws",
        "AlarmsToEmail": "HasAlarmEmail",
    }


def test_every_resource_of_the_local_cloud_was_created(
    local_cloud: Any, template: dict[str, Any]
) -> None:
    aws = local_cloud.aws
    made = aws.client("cloudformation").describe_stack_resources(StackName=aws.local.stack)
    states = {
        found["LogicalResourceId"]: found["ResourceStatus"] for found in made["StackResources"]
    }
    for name, resource in template["Resources"].items():
        if resource.get("Condition") not in ("OnAws", "HasAlarmEmail"):
            assert states[name] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), name


def test_the_local_clouds_key_signs_as_devices_expect(local_cloud: Any) -> None:
    from data import signing

    aws = local_cloud.aws
    manifest = b"{}"
    signed = aws.client("kms").sign(
        KeyId=aws.local.signing_key,
        Message=signing.message(manifest),
        MessageType="RAW",
        SigningAlgorithm="ED25519_SHA_512",
    )
    assert signing.is_signed(
        manifest, signed["Signature"], aws.signing_key(aws.local.stack).public_pem()
    )


def test_a_training_jobs_end_reaches_release_model_and_no_other_job_does(
    resources: dict[str, Any],
) -> None:
    rule = resources["TrainingEnded"]
    pattern = rule["EventPattern"]
    assert pattern["source"] == [training_jobs.SOURCE]
    assert pattern["detail-type"] == [training_jobs.DETAIL_TYPE]
    assert set(pattern["detail"]["TrainingJobStatus"]) == set(training_jobs.ENDED)
    names = pattern["detail"]["TrainingJobName"]
    assert names == [{"prefix": {"Fn::Sub": training_jobs.prefix_of("${AWS::StackName}")}}]
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": "ReleaseModel.Arn"}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": "Undelivered.Arn"}}


def test_the_schedule_asks_with_a_time_that_is_the_same_when_it_asks_twice(
    resources: dict[str, Any],
) -> None:
    target = resources["Retrain"]["Target"]
    assert target["Arn"] == {"Fn::GetAtt": "StartRetraining.Arn"}
    assert json.loads(target["Input"]) == {"asked": SCHEDULED_TIME}
