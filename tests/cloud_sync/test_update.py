"""The table of an update: every state meets every event."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest

from cloud_sync import update
from cloud_sync.update import TRANSITIONS, Action, JobState


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(JobState, get_args(update.Event))), ids=str
)
def test_every_state_meets_every_event(state: JobState, event: Any) -> None:
    after, actions = TRANSITIONS.get((state, event), (state, ()))
    concluding = {one for one in actions if one.name.startswith("CONCLUDE_")}
    # Success is reported only after the appliance's confirmation, from any state that knows a job.
    assert (Action.CONCLUDE_SUCCEEDED in actions) == (
        event is update.Activated and (state, event) in TRANSITIONS
    )
    assert bool(concluding) == (after is JobState.CONCLUDED and state is not JobState.CONCLUDED)
    # A final state leaves nothing running and no files behind.
    if state in (JobState.FETCHING, JobState.WAITING_FOR_EDGE) and after in (
        JobState.IDLE,
        JobState.CONCLUDED,
    ):
        assert Action.DISCARD in actions
    if after is JobState.IDLE and state is not JobState.IDLE:
        assert Action.FORGET in actions


def test_every_state_can_be_reached_and_left() -> None:
    afters = {after for (before, _), (after, _) in TRANSITIONS.items() if before is not after}
    befores = {before for (before, _), (after, _) in TRANSITIONS.items() if before is not after}
    assert afters == befores == set(JobState)
