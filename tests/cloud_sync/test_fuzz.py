"""Badly corrupted messages from the cloud: no crash, no growth, no action on an invalid one."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from rig.fuzz import Target, spoil, templates
from rig.records import THING

from cloud_sync.mqtt import MqttMessage
from data import topics

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda deeper: st.lists(deeper) | st.dictionaries(st.text(), deeper),
    max_leaves=20,
)
TOPICS = st.sampled_from([one.topic for one in templates(Target(0))]) | st.text().map(
    lambda tail: f"{topics.jobs(THING)}/{tail}"
)


@settings(max_examples=60)
@given(
    messages=st.lists(st.builds(MqttMessage, TOPICS, st.binary() | JSON.map(repr).map(str.encode)))
)
def test_arbitrary_messages_change_nothing_that_matters(messages: list[MqttMessage]) -> None:
    target = Target(1)
    for message in messages:
        target.feed(message)
    assert target.actions == 0


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_corrupted_messages_are_survived_and_judged(seed: int) -> None:
    rng = random.Random(seed)
    target = Target(seed)
    good = templates(target)
    for _ in range(50):
        target.feed(spoil(rng.choice(good), rng))


def test_twenty_thousand_corrupted_messages_do_not_grow_the_session() -> None:
    rng = random.Random(5)
    target = Target(5)
    good = templates(target)
    most_early = most_late = 0
    for number in range(20_000):
        target.feed(spoil(rng.choice(good), rng))
        if number % 100 == 0:
            if number < 5_000:
                most_early = max(most_early, target.size())
            else:
                most_late = max(most_late, target.size())
    assert target.ignored > 5_000
    # Some of so many stay valid: the session does react to messages.
    assert target.actions > 10
    assert most_late <= 1.5 * most_early
