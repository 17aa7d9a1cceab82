"""A mistaken rating is corrected or withdrawn, from the command line to the training set."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from data import topics
from data.film_table import write_films
from data.films import Film
from data.messages import FeedbackBatch
from data.picks import Pick
from data.wire import encode
from edge.journal import JOURNAL, Journal
from lambdas.store_feedback.ingest import ingest
from tests.lambdas.fake_cloud import Cloud
from training.retraining.compact import compact
from training.retraining.training_set import TrainingSet

from ..journal.records import a_pick

THING = "MovieSelector"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def pick(state: Path) -> Pick:
    """An approved pick; no appliance is running."""
    made = a_pick(title="The Mistake")
    with Journal.open(state / JOURNAL) as journal:
        journal.record_pick(made)
        journal.record_decision(made.id, "approved", "now")
    return made


def greenlight(state: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments), "--state", str(state)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )


def printed(state: Path, *arguments: object) -> str:
    done = greenlight(state, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Loop:
    """What happens to ratings after the appliance: the outbox, the function, the training set."""

    def __init__(self, state: Path, folder: Path) -> None:
        self._state, self._folder = state, folder
        self.cloud = Cloud()
        self._table = folder / "films.csv"
        write_films(self._table, [Film("Cléo", 1962, "Agnès Varda", ("Drama",), "film", 8)])

    def send(self, *, backwards: bool = False) -> None:
        with Journal.open(self._state / JOURNAL) as journal:
            rows = journal.peek_outbox(99)
            for row in reversed(rows) if backwards else rows:
                batch = encode(FeedbackBatch((msgspec.Raw(row.payload),)))
                (outcome,) = ingest(THING, batch, self.cloud, self.cloud.bucket, self.cloud.choose)
                assert outcome.outcome == "stored"
                journal.acknowledge([outcome.id])

    def training_set(self) -> TrainingSet:
        for key, content in self.cloud.objects.items():
            path = self._folder / key
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return compact(str(self._folder / topics.FEEDBACK_PREFIX), self._table, self._folder / "w")

    def stars(self) -> list[float | None]:
        made = self.training_set()
        films = [*made.training().films[1:], *made.held_out()]
        return [film.stars if film.rating is None else film.rating for film in films]


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "the correction first"])
def test_a_corrected_rating_trains_once_and_a_withdrawn_one_never(
    state: Path, pick: Pick, tmp_path: Path, backwards: bool
):
    loop = Loop(state, tmp_path)
    assert "rated: The Mistake, 9" in printed(state, "rate", 9)
    assert "corrected: The Mistake, 4.5" in printed(
        state, "rate", 4.5, "--correct", "--pick", pick.id
    )
    loop.send(backwards=backwards)
    assert loop.stars() == [4.5]
    assert "withdrawn: the rating of The Mistake" in printed(
        state, "rate", "--withdraw", "--pick", pick.id
    )
    assert "withdrawn" in printed(state, "history")
    loop.send()
    made = loop.training_set()
    assert loop.stars() == []
    assert (made.manifest.counts.corrected, made.manifest.counts.withdrawn) == (2, 1)
    assert "rated: The Mistake, 6" in printed(state, "rate", 6, "--pick", pick.id)
    loop.send()
    assert loop.stars() == [6]
    (row,) = csv.DictReader(printed(state, "history", "--csv").splitlines())
    assert (row["stars"], row["corrections"], row["withdrawn_at"]) == ("6", "3", "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["6", "--correct", "--pick", "PICK"], "there is nothing to correct"),
        (["--withdraw", "--pick", "PICK"], "there is nothing to withdraw"),
        (["6", "--correct"], "--pick ID"),
        (["--withdraw"], "--pick ID"),
        (["6", "--withdraw", "--pick", "PICK"], "takes nothing but --pick"),
        (["--simulated", "--correct", "--pick", "PICK"], "a correction is the owner's"),
    ],
)
def test_what_cannot_be_corrected_is_refused_and_changes_nothing(
    state: Path, pick: Pick, arguments: list[str], why: str
):
    words = [pick.id if word == "PICK" else word for word in arguments]
    refused = greenlight(state, "rate", *words)
    assert refused.returncode in (1, 2)
    assert why in " ".join(refused.stderr.replace("│", " ").split())
    with Journal.open(state / JOURNAL) as journal:
        assert journal.peek_outbox(9) == []


def test_a_rating_given_again_says_how_to_correct_it(state: Path, pick: Pick):
    printed(state, "rate", 9)
    refused = greenlight(state, "rate", 4, "--pick", pick.id)
    assert refused.returncode == 1
    assert f"greenlight rate NUMBER --correct --pick {pick.id}" in refused.stderr
    same = greenlight(state, "rate", 9, "--correct", "--pick", pick.id)
    assert "has this rating already" in same.stderr
