"""The errors that the functions and the operator's tools share."""

from __future__ import annotations

from data.errors import GreenlightError


class AwsUnusable(GreenlightError):
    """AWS can't be used as needed; the message says why and what to do."""


class CandidateRejected(GreenlightError):
    """A training job's output can't be released; the message names the file and the reason."""


class EndpointBusy(GreenlightError):
    """The ML endpoint can't be changed at the moment; the message says why. Try again later."""


class EndpointRefused(GreenlightError):
    """SageMaker refuses to serve a model; the message says why."""


class PublishingFailed(GreenlightError):
    """A model wasn't published; the message says why and what to do."""
