"""Where what we say goes, and where what we hear comes from: the topics of one thing."""

from __future__ import annotations

from typing import TypeAlias

from cloud_sync.feedback import SendFeedback
from cloud_sync.report import SendReport
from cloud_sync.update_run import JobsPublish
from cloud_sync.verification import SendVerification
from data import topics

Outgoing: TypeAlias = SendFeedback | SendVerification | JobsPublish | SendReport


def subscriptions(thing: str) -> tuple[str, ...]:
    """Return the topic filters that the broker must grant."""
    jobs = topics.jobs(thing)
    return (
        topics.feedback_ack(thing),
        topics.verification_reply(thing),
        f"{jobs}/notify",
        f"{jobs}/notify-next",
        f"{jobs}/get/+",
        f"{jobs}/+/get/+",
        f"{jobs}/+/update/+",
        f"{topics.shadow_update(thing)}/rejected",
    )


def topic_of(thing: str, message: Outgoing) -> str:
    """Return the topic that a part's message is for."""
    match message:
        case SendFeedback():
            return topics.feedback(thing)
        case SendVerification():
            return topics.verification(thing)
        case SendReport():
            return topics.shadow_update(thing)
        case JobsPublish():
            return f"{topics.jobs(thing)}/{message.tail}"
