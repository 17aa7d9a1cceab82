"""How far the best of many is overrated, on films that the model had not seen."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from data.manifest import BestUnseen, Manifest
from training.evaluation import optimism

pytestmark = pytest.mark.numeric


def test_optimism_of_slates_is_zero_for_perfect_predictions():
    stars = np.random.default_rng(0).integers(1, 11, 400)
    found = optimism.of_slates(stars, stars.astype(float))
    assert found == {36: 0.0, 360: 0.0}
    assert optimism.of_slates(stars, stars + 0.5) == {36: 0.5, 360: 0.5}


def test_the_best_predicted_hundredth_is_counted():
    stars = np.array([10, 7, 8] * 10 + [5] * 2970)
    expected = np.array([8.0, 9.0, 7.0] * 10 + [5.0] * 2970)
    probabilities = np.full((3000, 10), 0.1)
    found = optimism.of_best(stars, expected, probabilities)
    assert found.films == 30
    assert abs(found.expected - 8.0) < 1e-9
    assert abs(found.stars - 25 / 3) < 1e-9
    assert abs(found.stated - 0.3) < 1e-9
    assert abs(found.came_true - 2 / 3) < 1e-9


def test_few_films_have_ten_best_or_all():
    for count, best in ((4, 4), (50, 10)):
        stars = np.arange(count) % 10 + 1
        assert optimism.of_best(stars, stars * 1.0, np.full((count, 10), 0.1)).films == best


def test_a_manifest_carries_them_and_an_older_one_says_nothing():
    golden = Path(__file__).parents[3] / "data/golden/manifest.v1.json"
    manifest = msgspec.json.decode(golden.read_bytes(), type=Manifest)
    best = BestUnseen(125, 8.0, 7.5, 0.7, 0.5)
    metrics = {f"best_{name}": float(v) for name, v in msgspec.structs.asdict(best).items()}
    new = msgspec.structs.replace(manifest, metrics=metrics)
    assert new.best_unseen == best
    for name in metrics:
        older = {key: value for key, value in metrics.items() if key != name}
        assert msgspec.structs.replace(manifest, metrics=older).best_unseen is None
