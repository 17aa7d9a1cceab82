"""From a training job's output to the judge's verdict on it. Pure: the cloud is passed in.

A job's own verdict isn't believed, since the process that made the candidate wrote it. Candidate
and incumbent are scored here, as the files that devices would run, and compared by the same rules.
The job's comparison on the film table can't be repeated, because no fit that hadn't seen its films
is at hand; `familiar` takes its place. Nor can calibration on them, but log loss covers it.

Every call may fail and every request may be repeated: a job is judged once, and its verdict never
changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

import judging
from data.films import Combination, Film
from data.held_out import too_few
from data.manifest import MODEL
from data.messages import Feedback
from data.probes import Probes
from data.verdict import Check, Comparison, Judgement, ModelIdentity, Verdict
from judging.checks import familiar, latency, size
from lambdas.candidate import Candidate, read
from lambdas.errors import CandidateRejected
from lambdas.judge_model.scorer import BATCH, Unscorable, UntrustedModel

# Rows that are scored alone as well as in a batch.
_ALONE = 200
# A bundle may promise less precision than ours, but only down to this; as devices see it.
_MAX_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Incumbent:
    """The model in use: its identity, and the bytes of its `model.onnx`."""

    identity: ModelIdentity
    model: bytes


class HeldOutData(NamedTuple):
    """What a candidate is judged on.

    Attributes:
        held_out: the owners' ratings that never train.
        ratings: how many ratings there are, held out or not, those that train counted as objects.
        table: the films of the film table.
    """

    held_out: Sequence[Feedback]
    ratings: int
    table: Sequence[Film]


class JudgeCloud(Protocol):
    """What the function needs of AWS.

    Attributes:
        model_name: of the stack's models.
    """

    model_name: str

    def judgement(self, job: str) -> Judgement | None:
        """Return what was judged of a job before, if anything."""

    def archive(self, job: str) -> bytes:
        """Return the `model.tar.gz` that a job wrote.

        Raises:
            CandidateRejected: it is missing, or too large.
        """

    def incumbent(self, below: int) -> Incumbent:
        """Return the newest complete release below a version.

        Raises:
            CandidateRejected: there is none.
        """

    def data(self) -> HeldOutData:
        """Return what to judge on."""

    def look(self, incumbent: str, archive: str) -> int:
        """Count a look at the held-out ratings; return its number against this incumbent, from 1.

        The same archive again isn't another look.

        Args:
            incumbent: the hash of the model in use.
            archive: the SHA-256 of the archive that is judged.
        """

    def write(self, judgement: Judgement) -> Judgement:
        """Write a job's verdict, unless there is one; return the one that counts."""


def judge(job: str, cloud: JudgeCloud) -> Judgement:
    """Judge a training job's output, or return what was judged of it before.

    Raises:
        CandidateRejected: it isn't a candidate, so there is nothing to judge.
        Exception: whatever the cloud raises; try again.
    """
    before = cloud.judgement(job)
    if before is not None:
        return before
    archive = cloud.archive(job)
    sha256 = hashlib.sha256(archive).hexdigest()
    candidate = read(archive, cloud.model_name).candidate
    if candidate is None:
        raise CandidateRejected("the training job refuses its own model")
    incumbent = cloud.incumbent(candidate.manifest.version)
    verdict = _verdict(candidate, incumbent, cloud.data(), cloud, sha256)
    return cloud.write(Judgement(job=job, archive_sha256=sha256, verdict=verdict))


def _verdict(
    candidate: Candidate, incumbent: Incumbent, data: HeldOutData, cloud: JudgeCloud, archive: str
) -> Verdict:
    refusal = Verdict(
        decision="refuse",
        reasons=("",),
        name=candidate.manifest.name,
        candidate=ModelIdentity(candidate.manifest.version, candidate.manifest.model_hash),
        incumbent=incumbent.identity,
        training_set=_sha256_of(data),
        counts={
            "table": len(data.table),
            "ratings": data.ratings,
            "held_out": len(data.held_out),
        },
        comparisons=(),
        checks=(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    about = candidate.manifest.about
    reason = too_few(len(data.held_out), data.ratings)
    if reason is not None:
        return msgspec.structs.replace(refusal, reasons=(reason,))
    look = cloud.look(incumbent.identity.model_hash or "", archive)
    clusters = judging.clusters_of(
        [one.director for one in data.held_out], [one.thing for one in data.held_out]
    )
    old = UntrustedModel(incumbent.model)
    try:
        new = UntrustedModel(candidate.files[MODEL])
        comparisons = _comparisons(new, old, data, clusters, judging.spent(look))
        checks = _checks(new, old, candidate, data, comparisons)
    except Unscorable as error:
        return msgspec.structs.replace(refusal, reasons=(f"{error}.",), look=look)
    decision, reasons = judging.decide(comparisons, checks, by_table=False, about=about)
    return msgspec.structs.replace(
        refusal,
        decision=decision,
        reasons=(*reasons, judging.how_judged(len(clusters), look, about)),
        look=look,
        comparisons=tuple(comparisons),
        checks=checks,
    )


def _comparisons(
    new: UntrustedModel,
    old: UntrustedModel,
    data: HeldOutData,
    clusters: list[Sequence[str]],
    alpha: float,
) -> list[Comparison]:
    rows = [Combination(one.director, one.year, one.genres) for one in data.held_out]
    stars = np.array([one.stars for one in data.held_out], np.int64)
    return judging.compare(
        "feedback", stars, old.predict(rows), new.predict(rows), clusters=clusters, alpha=alpha
    )


def _checks(
    new: UntrustedModel,
    old: UntrustedModel,
    candidate: Candidate,
    data: HeldOutData,
    comparisons: Sequence[Comparison],
) -> tuple[Check, ...]:
    gain = max(0.0, *(-one.high for one in comparisons if one.figure == "rmse"))
    rows = [film.combination for film in data.table]
    stars = np.array([film.stars for film in data.table], np.int64)
    of_old, of_new = old.predict(rows), new.predict(rows)
    timed = (rows * (1 + BATCH // len(rows)))[:BATCH]
    return (
        _answers(new, candidate.probes),
        _parity(new, rows[:_ALONE], of_new.expected[:_ALONE]),
        familiar(stars, of_old, of_new, gain, candidate.manifest.about),
        size(len(candidate.files[MODEL])),
        latency(lambda: old.predict(timed), lambda: new.predict(timed)),
    )


def _answers(new: UntrustedModel, probes: Probes) -> Check:
    """Does the file give the answers that its bundle promises, as a device will ask for them?"""
    found = new.predict([probe.combination for probe in probes.probes])
    expected = np.array([probe.expected for probe in probes.probes])
    promised = np.array([probe.probabilities for probe in probes.probes])
    same = bool((found.expected == expected).all()) and bool(
        (np.abs(found.probabilities - promised) <= min(probes.tolerance, _MAX_TOLERANCE)).all()
    )
    return Check(
        "probes",
        passed=same,
        found=f"the model {'gives' if same else 'does not give'} the {len(probes.probes)} answers "
        "that its bundle promises",
    )


def _parity(new: UntrustedModel, rows: Sequence[Combination], in_batch: np.ndarray) -> Check:
    """Does a row get the same expected stars alone as in a batch?"""
    alone = new.predict(rows, batch=1).expected
    differ = int((alone != in_batch).sum())
    return Check(
        "parity",
        passed=not differ,
        found=f"{differ} of {len(rows)} rows are scored differently alone than in a batch",
    )


def _sha256_of(data: HeldOutData) -> str:
    """Return the hash of the ratings and films, in their order."""
    content = msgspec.json.encode([data.held_out, data.table], order="sorted")
    return hashlib.sha256(content).hexdigest()
