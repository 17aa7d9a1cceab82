"""On the sample the model is better than every baseline: one of the report's five splits."""

import numpy as np
import pytest

from judging.losses import slate_figures
from training.dataset import film_ids, load
from training.evaluation import splits
from training.evaluation.baselines import LabelForest, OneHotLogistic, PlainBoosting
from training.evaluation.methods import MODEL, predict_with
from training.model.records import frame_of_films

pytestmark = pytest.mark.numeric


@pytest.mark.slow
def test_the_model_beats_forest_logistic_and_plain_boosting_on_the_sample():
    films = load("sample").films
    split = next(splits.random_splits(film_ids(films)))
    train, test = ([films[i] for i in rows] for rows in (split.train, split.test))
    ours = predict_with(MODEL, train, test).figures["all"]
    stars = np.array([f.stars for f in train])
    truth = np.array([f.stars for f in test])
    rmse = {}
    for baseline in (LabelForest, OneHotLogistic, PlainBoosting):
        fitted = baseline().fit(frame_of_films(train), stars)
        expected = fitted.predict(frame_of_films(test))
        rmse[baseline] = float(np.sqrt(((expected - truth) ** 2).mean()))
        assert ours["rmse"] < rmse[baseline]
        assert ours["regret"] < slate_figures(truth, expected)[0]
    assert ours["rmse"] <= 0.92 * rmse[LabelForest]
    assert ours["log_loss"] < 1.195
