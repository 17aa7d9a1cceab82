"""The judge's verdict on real models: what a job says of its own candidate changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest

import judging
from data.films import Film
from data.manifest import MODEL, PROBES
from data.verdict import Judgement, ModelIdentity
from lambdas.errors import CandidateRejected
from lambdas.judge_model.judge import HeldOutData, Incumbent, judge
from training.export.runtime import Scorer
from training.model.records import frame_of_films

from ..candidates import left_by_job, packed, replaced
from ..ratings import held_out, known_films, ratings

JOB = "greenlight-retrain-20260102T030405Z"
CALLS = ("judgement", "archive", "incumbent", "data", "look", "write")


def held_out_data(count: int = 1_000) -> HeldOutData:
    made = sorted(ratings(count), key=lambda record: record.id)
    kept = [one for one in made if held_out(one)]
    return HeldOutData(kept, len(made), known_films())


class Broken(Exception):
    """An error that AWS may raise."""


Result = TypeVar("Result")


@dataclass
class JudgeCloud:
    """AWS in memory; `breaks_at` names a call, `after` lets it take effect first."""

    left: bytes
    incumbents: dict[int, bytes]
    held: HeldOutData = field(default_factory=held_out_data)
    kept: dict[str, Judgement] = field(default_factory=dict)
    looks: dict[str, list[str]] = field(default_factory=dict)
    breaks_at: str = ""
    after: bool = False
    model_name: str = "films"

    def _call(self, call: str, result: Callable[[], Result]) -> Result:
        if call == self.breaks_at and not self.after:
            raise Broken
        found = result()
        if call == self.breaks_at:
            raise Broken
        return found

    def judgement(self, job: str) -> Judgement | None:
        return self._call("judgement", lambda: self.kept.get(job))

    def archive(self, job: str) -> bytes:
        return self._call("archive", lambda: self.left)

    def incumbent(self, below: int) -> Incumbent:
        version = max(number for number in self.incumbents if number < below)
        model = self.incumbents[version]
        identity = ModelIdentity(version, hashlib.sha256(model).hexdigest())
        return self._call("incumbent", lambda: Incumbent(identity, model))

    def data(self) -> HeldOutData:
        return self._call("data", lambda: self.held)

    def look(self, incumbent: str, archive: str) -> int:
        def count() -> int:
            taken = self.looks.setdefault(incumbent, [])
            if archive not in taken:
                taken.append(archive)
            return taken.index(archive) + 1

        return self._call("look", count)

    def write(self, judgement: Judgement) -> Judgement:
        return self._call("write", lambda: self.kept.setdefault(judgement.job, judgement))


def judged(cloud: JudgeCloud) -> Judgement:
    return judge(JOB, cloud)


def test_a_better_model_is_released_by_the_judges_own_figures(newer: Path, example: Path) -> None:
    left = packed(left_by_job(newer))
    cloud = JudgeCloud(left, {1: (example / MODEL).read_bytes()})
    found = judged(cloud)
    verdict = found.verdict
    assert verdict.decision == "release", verdict.reasons
    assert found.archive_sha256 == hashlib.sha256(left).hexdigest()
    assert (verdict.candidate.version, verdict.incumbent.version, verdict.look) == (2, 1, 1)
    assert {check.name for check in verdict.checks if check.passed} == {
        *("probes", "parity", "familiar", "size", "latency")
    }
    assert not [reason for reason in verdict.reasons if "of the table" in reason]
    # The same figures as from the models that training loads, by the same rules.
    films = _films(cloud.held)
    stars = np.array([film.stars for film in films], np.int64)
    old, new = (
        judging.Predictions(scores.expected.astype(float), scores.probabilities.astype(float))
        for folder in (example, newer)
        for scores in [Scorer((folder / MODEL).read_bytes()).score(frame_of_films(films))]
    )
    directors = [film.director for film in films]
    again = judging.compare(
        "feedback", stars, old, new, clusters=[directors], alpha=judging.spent(1)
    )
    assert list(verdict.comparisons) == again


def _films(held: HeldOutData) -> list[Film]:
    return [
        Film(one.title, one.year, one.director, one.genres, "film", one.stars)
        for one in held.held_out
    ]


def test_a_made_up_verdict_releases_nothing(newer: Path, example: Path) -> None:
    files = left_by_job(example, reasons=("Because I say so.",))
    verdict = judged(JudgeCloud(packed(files), {1: (newer / MODEL).read_bytes()})).verdict
    assert verdict.decision == "refuse"
    assert "the new model is worse" in verdict.reasons[0]


def test_a_file_that_is_not_onnx_is_refused_before_onnx_runtime_reads_it(example: Path) -> None:
    files = replaced(left_by_job(example), MODEL, b"not ONNX at all")
    cloud = JudgeCloud(packed(files), {1: (example / MODEL).read_bytes()})
    verdict = judged(cloud).verdict
    assert verdict.decision == "refuse"
    assert verdict.reasons[0].startswith("model.onnx: ")
    assert verdict.comparisons == ()


def test_probes_that_the_model_does_not_answer_are_refused(newer: Path, example: Path) -> None:
    files = left_by_job(newer)
    probes = msgspec.json.decode(files[f"bundle/{PROBES}"])
    probes["probes"][0]["expected"] += 0.25
    wrong = replaced(files, PROBES, msgspec.json.encode(probes))
    verdict = judged(JudgeCloud(packed(wrong), {1: (example / MODEL).read_bytes()})).verdict
    assert verdict.decision == "refuse"
    assert [check.name for check in verdict.checks if not check.passed] == ["probes"]


def test_too_few_ratings_refuse_without_a_look_at_them(newer: Path, example: Path) -> None:
    cloud = JudgeCloud(
        packed(left_by_job(newer)), {1: (example / MODEL).read_bytes()}, held_out_data(40)
    )
    verdict = judged(cloud).verdict
    assert verdict.decision == "refuse"
    assert "at least 10 are needed" in verdict.reasons[0]
    assert cloud.looks == {}


def test_every_other_candidate_is_another_look(newer: Path, example: Path) -> None:
    model = (example / MODEL).read_bytes()
    cloud = JudgeCloud(packed(left_by_job(newer)), {1: model})
    assert cloud.look(hashlib.sha256(model).hexdigest(), "another") == 1
    second = judged(cloud).verdict
    assert second.look == 2
    assert {one.level for one in second.comparisons if one.figure != "regret"} == {
        1.0 - judging.spent(2)
    }


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_after_a_crash_at_any_call_the_next_one_gives_the_one_verdict(
    call: str, after: bool, newer: Path, example: Path
) -> None:
    # Too few ratings give a verdict at once; only a look needs more of them.
    count = 1_000 if call == "look" else 40
    cloud = JudgeCloud(
        packed(left_by_job(newer)),
        {1: (example / MODEL).read_bytes()},
        held_out_data(count),
        breaks_at=call,
        after=after,
    )
    with pytest.raises(Broken):
        judged(cloud)
    cloud.breaks_at = ""
    found = judged(cloud)
    assert found.verdict.released == (count == 1_000)
    assert all(len(taken) == 1 for taken in cloud.looks.values())
    cloud.left = b"replaced"
    assert judged(cloud) == found, "and what has been judged stays so"


def test_a_job_that_refuses_its_own_model_leaves_nothing_to_judge(example: Path) -> None:
    files = left_by_job(example, decision="refuse")
    with pytest.raises(CandidateRejected, match="refuses its own model"):
        judged(JudgeCloud(packed(files), {1: b""}))
