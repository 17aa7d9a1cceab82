"""The baselines that the model is compared with, each an estimator of stars from raw records.

`fit(X, ratings)`, `predict(X)`; those without probabilities get the ordinal head, fitted on
predictions for films of unseen folds. On equal terms they learn from the same data as the model:
ratings with decimals, and votes, so that a film with few votes has less weight.
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
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from data.films import NO_GENRE
from training.model.careers import Floats, Ints
from training.model.head import CLASSES, fit_head
from training.model.records import Records, as_records, stars_of_ratings
from training.model.threads import one_thread

_FOLDS = 5
# A film with this many votes has half the weight of one with very many: a typical film's own noise
# is about that of a mean of this many votes (few_votes over noise of the mixed model on the
# sample).
_HALF_WEIGHT_VOTES = 25.0
# So many pseudo-films that directors count for nothing.
_NEVER = 1e6
_RIDGE_ALPHAS = (0.3, 1.0, 3.0, 10.0)


def weights_of(X: Any) -> Floats:
    """Return how much each film counts, 0 to 1, [n]: 1 where the votes aren't known."""
    votes = as_records(X).votes
    votes = np.maximum(votes, 1.0)
    return np.where(np.isnan(votes), 1.0, votes / (votes + _HALF_WEIGHT_VOTES))


class Constant(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of all films."""

    def fit(self, X: Any, y: Any) -> Constant:
        """Learn the mean."""
        self.mean_ = float(np.average(np.asarray(y, float), weights=weights_of(X)))
        return self

    def predict(self, X: Any) -> Floats:
        """Return the mean for each row."""
        return np.full(len(as_records(X).years), self.mean_)


class DirectorMean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of the director's films, or of all films for an unknown director."""

    def fit(self, X: Any, y: Any) -> DirectorMean:
        """Learn each director's mean."""
        self.statistics_ = DirectorStatistics(as_records(X).directors, y, weights_of(X), shrink=0.0)
        return self

    def predict(self, X: Any) -> Floats:
        """Return each row's director's mean."""
        means: Floats = self.statistics_.of(as_records(X).directors)[:, 0]
        return means


class ShrunkMean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The director's mean shrunk towards the mean of all films: empirical Bayes.

    The number of pseudo-films is the noise within directors divided by the variance between them,
    both estimated from the films (Robbins 1956; the estimator is that of one-way analysis of
    variance with groups of unequal size).
    """

    def fit(self, X: Any, y: Any) -> ShrunkMean:
        """Learn the means and how far to shrink them."""
        self.statistics_ = DirectorStatistics(as_records(X).directors, y, weights_of(X))
        return self

    def predict(self, X: Any) -> Floats:
        """Return each row's director's mean."""
        means: Floats = self.statistics_.of(as_records(X).directors)[:, 0]
        return means


class LabelForest(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A random forest on label codes: names become their place in the alphabet."""

    def fit(self, X: Any, y: Any) -> LabelForest:
        """Learn codes and forest."""
        records = as_records(X)
        self.directors_ = np.unique(records.directors.astype(str))
        self.genres_ = np.unique(records.slots.astype(str))
        self.forest_ = RandomForestRegressor(
            n_estimators=200, min_samples_leaf=5, random_state=0, n_jobs=1
        ).fit(self._codes(records), y, sample_weight=weights_of(X))
        return self

    def predict(self, X: Any) -> Floats:
        """Return the forest's mean for each row."""
        predicted: Floats = self.forest_.predict(self._codes(as_records(X)))
        return predicted

    def _codes(self, records: Records) -> Floats:
        # An unknown name gets the position where it would sort.
        director = np.searchsorted(self.directors_, records.directors.astype(str))
        slots = np.searchsorted(self.genres_, records.slots.astype(str))
        return np.column_stack([director, slots, records.years]).astype(float)


class OneHot:
    """Director and genres one-hot, and a spline of the year, as sparse columns."""

    def __init__(self, records: Records) -> None:
        self._directors = OneHotEncoder(handle_unknown="ignore").fit(records.directors[:, None])
        self._genres = np.setdiff1d(np.unique(records.slots.astype(str)), [NO_GENRE])
        self._years = SplineTransformer(n_knots=6, extrapolation="constant").fit(
            records.years[:, None].astype(float)
        )

    def columns(self, records: Records) -> Any:
        """Return the columns of records, [n, columns]."""
        slots = records.slots.astype(str)
        flags = (slots[:, :, None] == self._genres).any(axis=1).astype(float)
        years = self._years.transform(records.years[:, None].astype(float))
        directors = self._directors.transform(records.directors[:, None])
        return sparse.hstack([directors, sparse.csr_matrix(np.hstack([flags, years]))]).tocsr()


class OneHotRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on one-hot columns; cross-validation chooses its penalty."""

    def fit(self, X: Any, y: Any) -> OneHotRidge:
        """Learn one weight for each column."""
        records, ratings, weights = as_records(X), np.asarray(y, float), weights_of(X)
        self.one_hot_ = OneHot(records)
        columns = self.one_hot_.columns(records)
        folds = list(KFold(_FOLDS, shuffle=True, random_state=0).split(ratings))

        def ridge(alpha: float, rows: Ints) -> Ridge:
            model = Ridge(alpha=alpha, solver="lsqr")
            return model.fit(columns[rows], ratings[rows], sample_weight=weights[rows])

        def error(alpha: float) -> float:
            return sum(
                float(((ridge(alpha, seen).predict(columns[held]) - ratings[held]) ** 2).sum())
                for seen, held in folds
            )

        self.ridge_ = ridge(min(_RIDGE_ALPHAS, key=error), np.arange(len(ratings)))
        return self

    def predict(self, X: Any) -> Floats:
        """Return the prediction for each row."""
        predicted: Floats = self.ridge_.predict(self.one_hot_.columns(as_records(X)))
        return predicted


class OneHotLogistic(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression on one-hot director and genres and a spline of the year."""

    def fit(self, X: Any, y: Any) -> OneHotLogistic:
        """Learn one weight for each column and class."""
        records, stars = as_records(X), stars_of_ratings(np.asarray(y, float))
        self.one_hot_ = OneHot(records)
        # With a single class there is nothing to learn, and scikit-learn would refuse.
        model = LogisticRegression(C=1.0, max_iter=300) if np.ptp(stars) else DummyClassifier()
        columns = self.one_hot_.columns(records)
        self.logistic_ = model.fit(columns, stars, sample_weight=weights_of(X))
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of 1 to 10 stars; 0 for those never seen."""
        known = self.logistic_.predict_proba(self.one_hot_.columns(as_records(X)))
        probabilities = np.zeros((len(known), CLASSES))
        probabilities[:, self.logistic_.classes_.astype(int) - 1] = known
        return probabilities

    def predict(self, X: Any) -> Floats:
        """Return expected stars."""
        expected: Floats = self.predict_proba(X) @ np.arange(1.0, CLASSES + 1)
        return expected


class PlainBoosting(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient boosting on the director's shrunk mean and count, year and genre flags."""

    def fit(self, X: Any, y: Any) -> PlainBoosting:
        """Learn; a film's director statistics come from folds without it."""
        records, stars, weights = as_records(X), np.asarray(y, float), weights_of(X)
        self.genres_ = np.setdiff1d(np.unique(records.slots.astype(str)), [NO_GENRE])
        statistics = np.empty((len(stars), 2))
        for seen, held in KFold(10, shuffle=True, random_state=0).split(stars):
            means = DirectorStatistics(records.directors[seen], stars[seen], weights[seen])
            statistics[held] = means.of(records.directors[held])
        self.statistics_ = DirectorStatistics(records.directors, stars, weights)
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=200, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=20,
            random_state=0, early_stopping=False,
        ).fit(self._columns(records, statistics), stars, sample_weight=weights)  # fmt: skip
        return self

    def predict(self, X: Any) -> Floats:
        """Return the trees' prediction."""
        records = as_records(X)
        columns = self._columns(records, self.statistics_.of(records.directors))
        predicted: Floats = self.trees_.predict(columns)
        return predicted

    def _columns(self, records: Records, statistics: Floats) -> Floats:
        flags = (records.slots.astype(str)[:, :, None] == self.genres_).any(axis=1)
        return np.column_stack([statistics, records.years, flags.sum(axis=1), flags]).astype(float)


class DirectorStatistics:
    """Each director's mean, shrunk towards the mean of all films, and number of films.

    Args:
        directors, ratings, weights: of n films, [n] each.
        shrink: pseudo-films at the mean of all; None to estimate them by empirical Bayes.

    Attributes:
        shrink: how many there are.
    """

    def __init__(
        self, directors: Any, ratings: Any, weights: Floats, shrink: float | None = None
    ) -> None:
        table = pd.DataFrame({"weight": weights, "total": weights * np.asarray(ratings, float)})
        by_director = table.groupby(np.asarray(directors, object))
        sums = by_director.sum()
        self.mean = float(table.total.sum() / table.weight.sum())
        if shrink is None:
            shrink = _noise_over_between(directors, np.asarray(ratings, float), weights, self.mean)
        self.shrink = shrink
        total = sums.total + shrink * self.mean
        self._table = pd.DataFrame(
            {"mean": total / (sums.weight + shrink), "count": by_director.size().astype(float)}
        )

    def of(self, directors: Any) -> Floats:
        """Return mean and number of films of directors, [n, 2]; of all films, and 0, if unknown."""
        found = self._table.reindex(directors)
        found["mean"] = found["mean"].fillna(self.mean)
        return found.fillna(0.0).to_numpy(float)


def _noise_over_between(directors: Any, ratings: Floats, weights: Floats, mean: float) -> float:
    """Return the variance within directors over that between them; large if they don't differ."""
    table = pd.DataFrame({"w": weights, "wr": weights * ratings, "wr2": weights * ratings**2})
    sums = table.groupby(np.asarray(directors, object)).sum()
    groups, films, weight = len(sums), len(ratings), float(sums.w.sum())
    if films <= groups or groups < 2:
        return _NEVER
    of_groups = float((sums.wr**2 / sums.w).sum())
    within = max(0.0, float(sums.wr2.sum()) - of_groups) / (films - groups)
    between = (of_groups - weight * mean**2) / (groups - 1) - within
    films_a_group = (weight - float((sums.w**2).sum()) / weight) / (groups - 1)
    if between * _NEVER <= within * films_a_group:
        return _NEVER
    return within * films_a_group / between


BASELINES: dict[str, Callable[[], Any]] = {
    "constant": Constant,
    "director mean": DirectorMean,
    "shrunk director mean": ShrunkMean,
    "ridge": OneHotRidge,
    "random forest": LabelForest,
    "multinomial logistic": OneHotLogistic,
    "plain boosting": PlainBoosting,
}


def predict_baseline(name: str, X: Any, ratings: Any, asked: Any) -> tuple[Floats, Floats]:
    """Fit a baseline and return its predictions.

    Args:
        name: a key of BASELINES.
        X: records to learn from, with votes if they should count.
        ratings: of these records, with decimals or whole, [n].
        asked: records to predict.

    Returns:
        Expected stars and probabilities of `asked`.
    """
    stars = stars_of_ratings(np.asarray(ratings, float))
    with one_thread():
        model = BASELINES[name]()
        fitted = clone(model).fit(X, ratings)
        expected = fitted.predict(asked)
        if hasattr(fitted, "predict_proba"):
            return expected, fitted.predict_proba(asked)
        unseen = np.empty(len(stars))
        for seen, held in KFold(_FOLDS, shuffle=True, random_state=0).split(stars):
            unseen[held] = clone(model).fit(X.iloc[seen], ratings[seen]).predict(X.iloc[held])
        head = fit_head(unseen, np.empty((len(stars), 0)), stars)
        return expected, head.probabilities(expected, np.empty((len(expected), 0)))
