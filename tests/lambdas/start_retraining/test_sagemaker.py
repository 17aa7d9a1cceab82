"""SageMaker accepts our request for a training job."""

from __future__ import annotations

from lambdas.start_retraining.sagemaker import TrainingSettings, request_of
from lambdas.start_retraining.start import TrainingRequest
from lambdas.training_jobs import job_name

JOB = job_name("greenlight", "2026-01-09T03:00:00Z")


def test_sagemaker_accepts_what_it_is_asked_for() -> None:
    """By botocore's own description of the call: names, lengths, and what must be there."""
    import boto3
    from botocore.validate import ParamValidator

    settings = TrainingSettings(
        "greenlight", "data", "models", "image", "ml.m5.large", "a" * 20, "f"
    )
    asked = request_of(TrainingRequest(JOB, 3, 2), settings, "models/films/2/")
    client = boto3.client("sagemaker", region_name="us-east-1")
    shape = client.meta.service_model.operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    assert not ParamValidator().validate(asked, shape).has_errors()
    assert asked["Environment"]["SM_CHANNEL_FEEDBACK"] == "/opt/ml/input/data/feedback"
    assert asked["Environment"]["GREENLIGHT_ALL_TRAIN"] == "1"
    assert len(JOB) <= 63
