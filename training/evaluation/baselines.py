"""What the model is measured against, each an estimator of stars from raw records.

`fit(X, stars)`, `predict(X)`; those that know no probabilities get the ordinal head, fitted on
predictions for films of folds they had not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from data.films import NO_GENRE
from training.model.careers import Floats, Ints
from training.model.head import CLASSES, fit_head
from training.model.records import Records, as_records
from training.model.threads import one_thread

# Pseudo-films at the overall mean: about the noise over the directors' variance.
_SHRINK = 2.2
_FOLDS = 5


class Constant(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of all films."""

    def fit(self, X: Any, y: Any) -> Constant:
        """Learn the mean."""
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Floats:
        """Return the mean for each row."""
        return np.full(len(as_records(X).years), self.mean_)


class DirectorMean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of the director's films; of all films for an unknown director."""

    def fit(self, X: Any, y: Any) -> DirectorMean:
        """Learn each director's mean."""
        frame = pd.DataFrame({"director": as_records(X).directors, "stars": np.asarray(y, float)})
        self.mean_ = float(frame.stars.mean())
        self.of_director_ = frame.groupby("director").stars.mean()
        return self

    def predict(self, X: Any) -> Floats:
        """Return each row's director's mean."""
        found = pd.Series(as_records(X).directors).map(self.of_director_)
        return found.fillna(self.mean_).to_numpy(float)


class LabelForest(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A random forest on label codes: names become their place in the alphabet."""

    def fit(self, X: Any, y: Any) -> LabelForest:
        """Learn codes and forest."""
        records = as_records(X)
        self.directors_ = np.unique(records.directors.astype(str))
        self.genres_ = np.unique(records.slots.astype(str))
        self.forest_ = RandomForestRegressor(
            n_estimators=200, min_samples_leaf=5, random_state=0, n_jobs=1
        ).fit(self._codes(records), y)
        return self

    def predict(self, X: Any) -> Floats:
        """Return the forest's mean for each row."""
        predicted: Floats = self.forest_.predict(self._codes(as_records(X)))
        return predicted

    def _codes(self, records: Records) -> Floats:
        # An unknown name gets the position where it would be sorted.
        director = np.searchsorted(self.directors_, records.directors.astype(str))
        slots = np.searchsorted(self.genres_, records.slots.astype(str))
        return np.column_stack([director, slots, records.years]).astype(float)


class OneHotLogistic(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression on one-hot director and genres and a spline of the year."""

    def fit(self, X: Any, y: Any) -> OneHotLogistic:
        """Learn one weight for each column and class."""
        records = as_records(X)
        self.directors_ = OneHotEncoder(handle_unknown="ignore").fit(records.directors[:, None])
        self.genres_ = np.setdiff1d(np.unique(records.slots.astype(str)), [NO_GENRE])
        self.years_ = SplineTransformer(n_knots=6, extrapolation="constant").fit(
            records.years[:, None].astype(float)
        )
        # With a single class there is nothing to learn, and scikit-learn would refuse.
        model = LogisticRegression(C=1.0, max_iter=300) if np.ptp(y) else DummyClassifier()
        self.logistic_ = model.fit(self._columns(records), y)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of 1 to 10 stars; 0 for those never seen."""
        known = self.logistic_.predict_proba(self._columns(as_records(X)))
        probabilities = np.zeros((len(known), CLASSES))
        probabilities[:, self.logistic_.classes_.astype(int) - 1] = known
        return probabilities

    def predict(self, X: Any) -> Floats:
        """Return expected stars."""
        expected: Floats = self.predict_proba(X) @ np.arange(1.0, CLASSES + 1)
        return expected

    def _columns(self, records: Records) -> Any:
        slots = records.slots.astype(str)
        flags = (slots[:, :, None] == self.genres_).any(axis=1).astype(float)
        years = self.years_.transform(records.years[:, None].astype(float))
        directors = self.directors_.transform(records.directors[:, None])
        return sparse.hstack([directors, sparse.csr_matrix(np.hstack([flags, years]))]).tocsr()


class PlainBoosting(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient boosting on the director's shrunk mean and count, year and genre flags."""

    def fit(self, X: Any, y: Any) -> PlainBoosting:
        """Learn; a film's director statistics come from folds without it."""
        records, stars = as_records(X), np.asarray(y, float)
        self.genres_ = np.setdiff1d(np.unique(records.slots.astype(str)), [NO_GENRE])
        statistics = np.empty((len(stars), 2))
        for seen, held in KFold(10, shuffle=True, random_state=0).split(stars):
            means = _director_statistics(records.directors[seen], stars[seen])
            statistics[held] = _look_up(means, records.directors[held])
        self.statistics_ = _director_statistics(records.directors, stars)
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=200, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=20,
            random_state=0, early_stopping=False,
        ).fit(self._columns(records, statistics), stars)  # fmt: skip
        return self

    def predict(self, X: Any) -> Floats:
        """Return the trees' prediction."""
        records = as_records(X)
        columns = self._columns(records, _look_up(self.statistics_, records.directors))
        predicted: Floats = self.trees_.predict(columns)
        return predicted

    def _columns(self, records: Records, statistics: Floats) -> Floats:
        flags = (records.slots.astype(str)[:, :, None] == self.genres_).any(axis=1)
        return np.column_stack([statistics, records.years, flags.sum(axis=1), flags]).astype(float)


def _director_statistics(directors: Any, stars: Floats) -> pd.DataFrame:
    by_director = pd.Series(stars).groupby(directors)
    count, total = by_director.size(), by_director.sum()
    mean = (total + _SHRINK * stars.mean()) / (count + _SHRINK)
    table = pd.DataFrame({"mean": mean, "count": count.astype(float)})
    table.attrs["mean"] = float(stars.mean())
    return table


def _look_up(statistics: pd.DataFrame, directors: Any) -> Floats:
    found = statistics.reindex(directors)
    found["mean"] = found["mean"].fillna(statistics.attrs["mean"])
    return found.fillna(0.0).to_numpy(float)


BASELINES: dict[str, Callable[[], Any]] = {
    "constant": Constant,
    "director mean": DirectorMean,
    "random forest": LabelForest,
    "multinomial logistic": OneHotLogistic,
    "plain boosting": PlainBoosting,
}


def predict_baseline(name: str, X: Any, stars: Ints, asked: Any) -> tuple[Floats, Floats]:
    """Fit a baseline on X and stars, and return expected stars and probabilities for `asked`."""
    with one_thread():
        model = BASELINES[name]()
        fitted = clone(model).fit(X, stars)
        expected = fitted.predict(asked)
        if hasattr(fitted, "predict_proba"):
            return expected, fitted.predict_proba(asked)
        unseen = np.empty(len(stars))
        for seen, held in KFold(_FOLDS, shuffle=True, random_state=0).split(stars):
            unseen[held] = clone(model).fit(X.iloc[seen], stars[seen]).predict(X.iloc[held])
        head = fit_head(unseen, np.empty((len(stars), 0)), stars)
        return expected, head.probabilities(expected, np.empty((len(expected), 0)))
