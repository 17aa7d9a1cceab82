"""`greenlight-train retrain`: a better model is released, a worse one and a tie are refused."""

import json
import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from data import signing, wire
from data.bundle import beside, read_bundle, write_bundle
from data.film_table import write_films
from data.manifest import ARRAYS
from data.verdict import Verdict
from training.cli import app
from training.dataset import FilmTable
from training.errors import ArraysUnusable, BundleMissing
from training.export.arrays import load_arrays, save_arrays
from training.export.bundle import prepare, saved_model, write
from training.export.example_bundle import made_up_films, small_model
from training.export.verify import verify
from training.retraining.compact import compact
from training.retraining.judge import judge
from training.retraining.judged_model import read_judged_model
from training.retraining.retrain import retrain
from training.retraining.training_set import TrainingSet

from .made_up_feedback import made_up_feedback, write_objects

pytestmark = pytest.mark.numeric


@dataclass
class Studio:
    """A film table, a model in use that learnt from it, and owners with different taste."""

    folder: Path
    key: signing.PrivateKey
    films: list

    @property
    def table(self) -> Path:
        return self.folder / "films.csv"

    @property
    def incumbent(self) -> Path:
        return self.folder / "bundle"

    @property
    def feedback(self) -> Path:
        return self.folder / "feedback"

    def retrain(self, feedback: Path, out: Path, **more) -> Verdict:
        return retrain(
            str(feedback),
            self.table,
            self.incumbent,
            out,
            work=out.with_name(f"{out.name}.work"),
            model=small_model(),
            **more,
        )


def owners_taste(films):
    """Return an owner's rating: the table's, raised or lowered for each director."""
    draw = np.random.default_rng(7)
    shift = {name: draw.normal(0, 1.5) for name in sorted({film.director for film in films})}
    return lambda film, chance: film.rating + shift[film.director] + chance.gauss(0, 0.3)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    films = made_up_films(120)
    write_films(folder / "films.csv", films)
    key = signing.PrivateKey.new()
    made = prepare(
        FilmTable("csv", "films.csv", films, []), small_model(), version=4, combinations=500
    )
    write(made, folder / "bundle", key)
    rated = [film for film in films if film.director < "Director 0040"]
    write_objects(
        folder / "feedback", made_up_feedback(rated, 400, seed=3, taste=owners_taste(films))
    )
    return Studio(folder, key, films)


@pytest.fixture(scope="module")
def released(studio):
    out = studio.folder / "released"
    return out, studio.retrain(studio.feedback, out, key=studio.key)


@pytest.fixture(scope="module")
def training_set(studio):
    return compact(str(studio.feedback), studio.table, studio.folder / "work").folder


def test_a_model_that_learnt_the_owners_taste_is_released_signed_and_whole(studio, released):
    out, verdict = released
    assert verdict.released
    assert all(check.passed for check in verdict.checks)
    rmse = next(c for c in verdict.comparisons if (c.part, c.figure) == ("feedback", "rmse"))
    assert rmse.high < 0
    assert rmse.films == verdict.counts["held_out"] > 20
    assert wire.decode((out / "verdict.json").read_bytes(), Verdict) == verdict
    keys = {studio.key.key_id: studio.key.public_pem}
    assert verify(out / "bundle", keys).ok
    bundle = read_bundle(out / "bundle", keys)
    assert (bundle.manifest.version, bundle.model_hash) == (5, verdict.candidate.model_hash)
    assert bundle.manifest.training.rows == len(studio.films) + verdict.counts["trained"]
    assert b"The model and its films" in bundle.files["report.html"]
    page = (out / "report.html").read_text("utf-8")
    assert "Release version 5" in page
    assert not (out / "refused").exists()


def test_the_released_model_is_the_next_incumbent(studio, released, training_set):
    out, _ = released
    verdict = judge(studio.incumbent, out, training_set)
    assert not verdict.released
    assert (verdict.incumbent.version, verdict.candidate.version) == (5, 4)
    assert "worse" in verdict.reasons[0]


def test_a_tie_is_refused_and_left_unsigned_where_it_is_never_published(studio, tmp_path):
    # Owners who rate about as the model in use predicts: there is nothing to learn.
    expected = read_judged_model(studio.incumbent).of(studio.films).expected
    known = {film.title: stars for film, stars in zip(studio.films, expected.tolist(), strict=True)}
    feedback = made_up_feedback(
        studio.films, 250, seed=5, taste=lambda film, draw: known[film.title] + draw.gauss(0, 0.8)
    )
    write_objects(tmp_path / "feedback", feedback)
    out = tmp_path / "out"
    verdict = studio.retrain(tmp_path / "feedback", out)
    assert verdict.decision == "refuse"
    assert any("A tie is not released." in reason for reason in verdict.reasons)
    assert not (out / "bundle").exists()
    assert not (out / ARRAYS).exists()
    bundle = out / "refused" / "bundle"
    assert json.loads((bundle / "manifest.json").read_text("utf-8"))["key_id"] == ""
    assert not (bundle / "manifest.sig").exists()
    assert "Refused: version 4 stays" in (out / "report.html").read_text("utf-8")


def test_a_job_that_sees_only_ratings_that_train_learns_from_all_and_lets_the_judge_decide(
    studio, tmp_path
):
    out = tmp_path / "out"
    verdict = studio.retrain(studio.feedback, out, hold_out=False)
    assert verdict.released
    assert verdict.reasons[0] == (
        "Training sees no held-out ratings, so by them the judge decides."
    )
    assert (verdict.counts["trained"], verdict.counts["held_out"]) == (400, 0)
    assert {one.part for one in verdict.comparisons} == {"trained", "holdout"}
    rmse = next(c for c in verdict.comparisons if (c.part, c.figure) == ("trained", "rmse"))
    assert rmse.high < 0, "it predicts films that its folds hadn't seen"
    assert rmse.films == 400
    assert verdict.look is msgspec.UNSET
    assert not (tmp_path / "out.work" / "looks.json").exists(), "nothing was looked at"
    page = (out / "report.html").read_text("utf-8")
    assert "first filter" in page
    assert "kept from training" in page


def test_the_first_filter_refuses_a_model_that_lost_the_film_table(studio, shuffled, tmp_path):
    found = compact(str(studio.feedback), studio.table, tmp_path / "work", hold_out=False)
    verdict = judge(shuffled, studio.incumbent, found.folder)
    assert verdict.decision == "refuse"
    assert any("of the table" in reason for reason in verdict.reasons)


@pytest.fixture(scope="module")
def shuffled(studio, training_set):
    """A model with shuffled directors: correctly signed, plausible, but choosing worse."""
    folder = studio.folder / "shuffled"
    films = TrainingSet(training_set).training().films
    names = [film.director for film in films]
    random.Random(1).shuffle(names)
    mixed = [
        msgspec.structs.replace(film, director=name)
        for film, name in zip(films, names, strict=True)
    ]
    made = prepare(
        FilmTable("feedback", "mixed up", mixed, []), small_model(), version=5, combinations=500
    )
    write_bundle(folder / "bundle", made.manifest, made.files, studio.key)
    true = replace(made, table=FilmTable("feedback", "true", films, []))
    save_arrays(folder / ARRAYS, saved_model(true))
    return folder


def test_a_signed_model_with_plausible_numbers_and_worse_choices_is_refused(
    studio, training_set, shuffled
):
    assert verify(shuffled / "bundle", {studio.key.key_id: studio.key.public_pem}).ok
    verdict = judge(shuffled, studio.incumbent, training_set)
    assert verdict.decision == "refuse"
    reasons = " ".join(verdict.reasons)
    assert "predicted unseen, the new model is worse" in reasons
    assert "regret on slates" in reasons


def test_a_file_other_than_the_model_that_was_measured_is_refused(
    studio, released, training_set, shuffled, tmp_path
):
    out, _ = released
    candidate = shutil.copytree(shuffled, tmp_path / "candidate")
    # Its arrays claim the figures of the good model.
    good, bad = (load_arrays(folder / ARRAYS) for folder in (out, candidate))
    for name in ("unseen_expected_", "unseen_probabilities_"):
        setattr(bad.model, name, getattr(good.model, name))
    save_arrays(candidate / ARRAYS, bad)
    verdict = judge(candidate, studio.incumbent, training_set)
    assert verdict.decision == "refuse"
    assert "learnt" in [check.name for check in verdict.checks if not check.passed]


def test_arrays_of_another_model_are_an_error(studio, released, training_set, tmp_path):
    shutil.copytree(released[0] / "bundle", tmp_path / "bundle")
    shutil.copy(beside(studio.incumbent) / ARRAYS, tmp_path / ARRAYS)
    with pytest.raises(ArraysUnusable, match="holds the arrays of another model"):
        judge(tmp_path, studio.incumbent, training_set)


def test_an_incumbent_without_arrays_is_fitted_again_and_the_verdict_says_so(
    studio, released, training_set, tmp_path
):
    shutil.copytree(studio.incumbent, tmp_path / "bundle")
    verdict = judge(released[0], tmp_path, training_set)
    assert "The incumbent's recipe was fitted again" in verdict.reasons[-1]


def test_without_a_bundle_in_use_there_is_nothing_to_compare_with(studio, training_set, tmp_path):
    with pytest.raises(BundleMissing, match="holds no bundle"):
        judge(studio.incumbent, tmp_path, training_set)


def run(studio, out, *words, **environment):
    where = ["--work", str(out.with_name(f"{out.name}.work"))]
    return CliRunner().invoke(app, ["retrain", *where, *words], env=environment)


def by_hand(studio, feedback: Path, out: Path, *words):
    places = {
        "films": studio.table,
        "incumbent": studio.incumbent,
        "feedback": feedback,
        "out": out,
    }
    named = [word for name, place in places.items() for word in (f"--{name}", str(place))]
    return run(studio, out, *named, *words)


def few(studio, folder: Path) -> Path:
    write_objects(folder, made_up_feedback(studio.films, 5, seed=9))
    return folder


def test_five_ratings_are_refused_in_a_moment_with_exit_code_3(studio, tmp_path):
    out = tmp_path / "out"
    done = by_hand(studio, few(studio, tmp_path / "few"), out)
    assert done.exit_code == 3, done.output
    assert "of 5 ratings are held out for judging; at least 10 are needed" in done.output
    verdict = wire.decode((out / "verdict.json").read_bytes(), Verdict)
    assert (verdict.decision, verdict.candidate.model_hash) == ("refuse", None)
    assert "No version 5 was made." in (out / "report.html").read_text("utf-8")
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "verdict.json"]


@pytest.mark.parametrize(
    ("allowed", "code", "word"), [("0", 1, "--allow-bad"), ("0.2", 3, "held out, so about")]
)
def test_bad_objects_stop_a_retraining_unless_they_are_allowed(
    studio, tmp_path, allowed, code, word
):
    feedback = few(studio, tmp_path / "few")
    (feedback / "torn.json").write_bytes(b"{")
    done = by_hand(studio, feedback, tmp_path / "out", "--unsigned", "--allow-bad", allowed)
    assert done.exit_code == code
    assert word in f"{done.output}{done.exception}"


def job_environment(studio, folder: Path, feedback: Path) -> dict[str, str]:
    """Lay the folders of a SageMaker job out, under its script mode's names."""
    channel = folder / "films"
    channel.mkdir(parents=True)
    shutil.copy(studio.table, channel)
    incumbent = folder / "incumbent"
    shutil.copytree(studio.incumbent, incumbent / "bundle")
    shutil.copytree(beside(studio.incumbent), incumbent / "bundle.report")
    config = folder / "config"
    config.mkdir()
    words = {"version": "12", "include-simulated": "true"}
    (config / "hyperparameters.json").write_text(json.dumps(words))
    return {
        "SM_CHANNEL_FILMS": str(channel),
        "SM_CHANNEL_FEEDBACK": str(feedback),
        "SM_CHANNEL_INCUMBENT": str(incumbent),
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_OUTPUT_DATA_DIR": str(folder / "output"),
        "SM_INPUT_CONFIG_DIR": str(config),
        "SM_NUM_CPUS": "1",
    }


def test_in_a_sagemaker_job_a_refusal_does_not_fail_the_job(studio, tmp_path):
    feedback = few(studio, tmp_path / "few")
    write_objects(feedback, made_up_feedback(studio.films, 3, seed=10, source="simulated"))
    done = run(studio, tmp_path / "out", **job_environment(studio, tmp_path / "job", feedback))
    assert done.exit_code == 0, done.output
    verdict = wire.decode((tmp_path / "job/model/verdict.json").read_bytes(), Verdict)
    assert verdict.decision == "refuse"
    assert verdict.candidate.version == 12
    assert verdict.counts["simulated"] == 3
    kept = sorted(path.name for path in (tmp_path / "job" / "output").iterdir())
    assert kept == ["report.html", "verdict.json"]


def test_what_an_earlier_run_released_is_gone_once_a_later_one_refuses(studio, released, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(released[0], out)
    done = by_hand(studio, few(studio, tmp_path / "few"), out)
    assert done.exit_code == 3
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "verdict.json"]


def test_a_missing_option_is_named(studio, tmp_path):
    done = run(studio, tmp_path / "out", "--films", str(studio.table))
    assert done.exit_code == 2
    assert "--feedback is missing" in done.output
