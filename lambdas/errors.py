"""What can go wrong with AWS, as tools and functions tell it apart."""

from __future__ import annotations

from data.errors import GreenlightError


class AwsUnusable(GreenlightError):
    """AWS cannot be used as it must be; the message says why and what to do."""


class PublishingFailed(GreenlightError):
    """A model is not published; the message says why and what to do."""
