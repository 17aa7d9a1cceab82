"""The errors that the functions and the operator's tools share."""

from __future__ import annotations

from data.errors import GreenlightError


class AwsUnusable(GreenlightError):
    """AWS can't be used as needed; the message says why and what to do."""


class PublishingFailed(GreenlightError):
    """A model wasn't published; the message says why and what to do."""
