"""A retraining starts once when allowed, or the reply says why not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from data.errors import InvalidRecord
from lambdas.start_retraining.start import NotConcluded, TrainingRequest, start
from lambdas.training_jobs import ENDED, EndedJob, job_name

JOB = job_name("greenlight", "2026-01-09T03:00:00Z")


EARLIER = job_name("greenlight", "2026-01-02T03:00:00Z")


class Broken(Exception):
    """An error that AWS may raise."""


@dataclass
class RetrainingCloud:
    """AWS in memory; `breaks_at` counts calls, `after` lets the call take effect first."""

    known: list[EndedJob] = field(default_factory=list)
    concluded: set[str] = field(default_factory=set)
    published: list[int] = field(default_factory=lambda: [1, 2])
    whole: set[int] = field(default_factory=lambda: {1, 2})
    films: bool = True
    feedback: bool = True
    rated: tuple[int, int] = (10, 100)
    stubborn: bool = False
    orders: list[TrainingRequest] = field(default_factory=list)
    calls: int = 0
    breaks_at: int = -1
    after: bool = False

    def _call(self) -> bool:
        self.calls += 1
        hit = self.calls - 1 == self.breaks_at
        if hit and not self.after:
            raise Broken
        return hit

    def _done(self, hit: bool) -> None:
        if hit:
            raise Broken

    def jobs(self) -> list[EndedJob]:
        self._done(self._call())
        return list(reversed(self.known))

    def is_concluded(self, job: str) -> bool:
        self._done(self._call())
        return job in self.concluded

    def conclude(self, ended: EndedJob) -> None:
        hit = self._call()
        if self.stubborn:
            raise NotConcluded
        self.concluded.add(ended.job)
        self._done(hit)

    def versions(self) -> list[int]:
        self._done(self._call())
        return self.published

    def is_whole(self, version: int) -> bool:
        self._done(self._call())
        return version in self.whole

    def has_film_table(self) -> bool:
        self._done(self._call())
        return self.films

    def has_feedback(self) -> bool:
        self._done(self._call())
        return self.feedback

    def ratings(self) -> tuple[int, int]:
        self._done(self._call())
        return self.rated

    def train(self, order: TrainingRequest) -> None:
        hit = self._call()
        if order.job not in [one.job for one in self.orders]:
            self.orders.append(order)
            self.known.append(EndedJob(order.job, "InProgress"))
        self._done(hit)


def test_it_starts_from_the_newest_complete_release_for_the_next_free_version() -> None:
    cloud = RetrainingCloud(published=[1, 2, 10], whole={1, 2})
    answer = start(JOB, cloud)
    assert answer.job == JOB
    assert cloud.orders == [TrainingRequest(JOB, 11, 2)], "10 was begun and never finished"


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        (RetrainingCloud(published=[], whole=set()), "greenlight-cloud model publish"),
        (RetrainingCloud(whole=set()), "greenlight-cloud model publish"),
        (RetrainingCloud(films=False), "--films"),
        (RetrainingCloud(feedback=False), "no rating"),
        (RetrainingCloud(rated=(9, 97)), "Only 9 of 97 ratings are held out"),
    ],
)
def test_without_what_it_needs_it_says_what_is_missing(cloud: RetrainingCloud, said: str) -> None:
    answer = start(JOB, cloud)
    assert answer.job is None
    assert said in answer.message
    assert cloud.orders == []


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_while_one_trains_no_other_begins(status: str) -> None:
    cloud = RetrainingCloud(known=[EndedJob(EARLIER, status)])
    assert start(JOB, cloud).job == EARLIER
    assert cloud.orders == []


@pytest.mark.parametrize("status", ENDED)
def test_a_job_whose_end_event_was_lost_is_concluded_first(status: str) -> None:
    cloud = RetrainingCloud(known=[EndedJob(EARLIER, status)])
    assert start(JOB, cloud).job == JOB
    assert cloud.concluded == {EARLIER}


def test_a_job_that_cannot_be_concluded_does_not_keep_the_loop_from_learning() -> None:
    cloud = RetrainingCloud(known=[EndedJob(EARLIER, "Completed")], stubborn=True)
    assert start(JOB, cloud).job == JOB


def test_asked_twice_for_the_same_time_it_trains_once() -> None:
    cloud = RetrainingCloud()
    start(JOB, cloud)
    assert start(JOB, cloud).job == JOB
    cloud.known = [EndedJob(JOB, "Completed")]
    assert start(JOB, cloud).job == JOB
    assert len(cloud.orders) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(9))
def test_after_a_crash_at_any_call_the_next_try_leaves_one_job(call: int, after: bool) -> None:
    cloud = RetrainingCloud(known=[EndedJob(EARLIER, "Completed")], breaks_at=call, after=after)
    with pytest.raises(Broken):
        start(JOB, cloud)
    start(JOB, cloud)
    assert cloud.orders == [TrainingRequest(JOB, 3, 2)]
    assert cloud.concluded == {EARLIER}


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "",
        "now",
        "<aws.scheduler.scheduled-time>",
        "2026-01-02T03:04:05",
        7,
        "x" * 999,
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "0999-01-01T00:00:00Z",
    ],
)
def test_a_question_without_a_time_is_refused(asked: object) -> None:
    with pytest.raises(InvalidRecord, match=r"^`asked` "):
        job_name("greenlight", asked)


def test_the_same_moment_in_another_zone_is_the_same_job() -> None:
    assert job_name("g", "2026-01-02T05:00:00+02:00") == job_name("g", "2026-01-02T03:00:00Z")
