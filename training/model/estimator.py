"""The film model: a scikit-learn estimator from raw records to stars.

    expected(d, y, G) = share * trees(features) + (1 - share) * mixed(d, y, G)

Both terms are sums of functions of two of the three things one chooses, so their sum is too, and
`training.export.compile` writes it into integer tables without loss beyond the rounding.

A director's features must be cross-fitted: in training, a film's features come from models that
have not seen it, else the trees would learn to copy the answer that the features contain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from data.films import NO_GENRE
from data.genre_sets import GenreSets
from data.limits import YEARS_PAST_TRAINING
from training.errors import UnfitData
from training.model import features
from training.model.careers import Floats
from training.model.columns import Columns
from training.model.head import director_inputs, fit_head
from training.model.mixed_model import Films, KernelValues, MixedModel, fit_kernel_values
from training.model.pairs import PairBoosting
from training.model.records import Records, as_records, stars_of_ratings
from training.model.threads import one_thread
from training.progress import ProgressReporter, unreported

# With fewer films nothing can be learnt.
FEWEST_FILMS = 20


class FilmModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Expected stars and their distribution from director, year and genres.

    Args:
        trees, learning_rate, leaves, min_films, shrinkage, share: of the boosting (PairBoosting).
        folds: how many folds the features are cross-fitted in.
        head_folds: how many folds predictions for fitting the head are made in.
        jobs: processes that fit folds side by side; the result does not depend on it.
        seed: of all that is drawn.

    Attributes:
        genre_sets_: the genres of the training films and their sets.
        training_years_: first and last year of the training films.
        mixed_, trees_, head_: the fitted parts.
        trees_share_: the share of the trees in the prediction.
        unseen_expected_, unseen_probabilities_: of the training films, each predicted by folds
            that had not seen it, [n] and [n, 10].
    """

    def __init__(
        self,
        *,
        trees: int = 500,
        learning_rate: float = 0.025,
        leaves: int = 12,
        min_films: int = 30,
        shrinkage: float = 5.0,
        share: float = 0.15,
        folds: int = 10,
        head_folds: int = 3,
        jobs: int = 1,
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.min_films = min_films
        self.shrinkage = shrinkage
        self.share = share
        self.folds = folds
        self.head_folds = head_folds
        self.jobs = jobs
        self.seed = seed

    def fit(self, X: Any, y: Any, progress: ProgressReporter = unreported) -> FilmModel:
        """Learn from records and their ratings.

        Args:
            X: records (training.model.records), [n, 5] or [n, 6] with votes.
            y: ratings from 1 to 10, with decimals where known, [n].
            progress: called with each step's name and the share of the work done before it.

        Raises:
            ValueError: naming what is wrong with X or y (UnfitData: too few films).
        """
        records, ratings = as_records(X), np.asarray(y, float)
        _check_training(records, ratings)
        genres = sorted({str(g) for g in np.unique(records.slots.astype(str))} - {NO_GENRE})
        self.genre_sets_ = GenreSets(genres)
        self.columns_ = Columns(len(genres))
        self.training_years_ = int(records.years.min()), int(records.years.max())
        self.n_features_in_ = 5
        films = self._films(records, ratings)
        with one_thread():
            progress("fit the kernel values", 0.0)
            values = fit_kernel_values(films)
            progress("cross-fit the features", 0.3)
            table = self._cross_fit(films, values)
            progress("fit the trees", 0.6)
            self.trees_ = self._boosting().fit(table, ratings)
            self.mixed_ = MixedModel(films, values)
            progress("fit the head", 0.75)
            unseen_trees = self._unseen_predictions(table, ratings)
            self.trees_share_ = _best_share(unseen_trees, self._mixed(table), ratings)
            unseen = self._blend(unseen_trees, table)
            stars = stars_of_ratings(ratings)
            self.head_ = fit_head(unseen, self.head_inputs(table), stars)
            self.unseen_expected_ = unseen
            self.unseen_probabilities_ = self.head_.probabilities(unseen, self.head_inputs(table))
        return self

    def predict(self, X: Any) -> Floats:
        """Return expected stars of records, [n]."""
        return self.predict_features(self.features(X))

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of 1 to 10 stars, [n, 10]."""
        table = self.features(X)
        return self.head_.probabilities(self.predict_features(table), self.head_inputs(table))

    def features(self, X: Any) -> Floats:
        """Return the feature columns of records, [n, columns_.width]."""
        check_is_fitted(self, "mixed_")
        records = as_records(X)
        return features.rows(
            self.mixed_,
            self.columns_,
            self.mixed_.careers.numbers_of(records.directors),
            self.inside_years(records.years),
            self.genre_sets_.flags[records.sets(self.genre_sets_)].astype(float),
        )

    def inside_years(self, years: NDArray[np.int64]) -> Floats:
        """Return years as the tables know them: those outside count as the nearest one inside."""
        first, last = self.table_years_
        return np.clip(years, first, last).astype(float)

    @property
    def table_years_(self) -> tuple[int, int]:
        """First and last year that the model can distinguish."""
        return self.training_years_[0], self.training_years_[1] + YEARS_PAST_TRAINING

    def predict_features(self, table: Floats) -> Floats:
        """Return expected stars of feature columns, [n]."""
        return self._blend(self.trees_.predict(table), table)

    def _blend(self, trees: Floats, table: Floats) -> Floats:
        """Return the weighted sum of the trees' and the mixed model's predictions."""
        share = self.trees_share_
        blended: Floats = share * trees + (1.0 - share) * self._mixed(table)
        return blended

    def _mixed(self, table: Floats) -> Floats:
        """Return the mixed model's prediction: three of the feature columns make it up."""
        c = self.columns_
        mixed: Floats = table[:, c.base] + table[:, c.form] + table[:, c.style]
        return mixed

    def head_inputs(self, table: Floats) -> Floats:
        """Return what the head wants to know of each row's director, [n, inputs]."""
        return director_inputs(table[:, self.columns_.films], table[:, self.columns_.spread])

    def _films(self, records: Records, ratings: Floats) -> Films:
        flags = self.genre_sets_.flags[records.sets(self.genre_sets_)].astype(float)
        return Films(records.directors, records.years.astype(float), flags, ratings, records.votes)

    def _boosting(self) -> PairBoosting:
        return PairBoosting(
            self.columns_,
            trees=self.trees,
            learning_rate=self.learning_rate,
            leaves=self.leaves,
            min_films=self.min_films,
            shrinkage=self.shrinkage,
            share=self.share,
            seed=self.seed,
        )

    def _cross_fit(self, films: Films, values: KernelValues) -> Floats:
        """Return each film's features from a model that has not seen it, [n, width]."""
        splits = KFold(self.folds, shuffle=True, random_state=self.seed)
        pairs = list(splits.split(films.years))
        parts = Parallel(self.jobs)(
            delayed(_fold_features)(films.take(seen), films.take(held), values, self.columns_)
            for seen, held in pairs
        )
        table = self.columns_.empty(len(films.years))
        for (_, held), part in zip(pairs, parts, strict=True):
            table[held] = part
        return table

    def _unseen_predictions(self, table: Floats, ratings: Floats) -> Floats:
        """Return each film's prediction by trees that have not seen it, [n]."""
        splits = KFold(self.head_folds, shuffle=True, random_state=self.seed + 1)
        pairs = list(splits.split(table))
        parts = Parallel(self.jobs)(
            delayed(_fold_predictions)(self._boosting(), table[seen], ratings[seen], table[held])
            for seen, held in pairs
        )
        predicted = np.empty(len(table))
        for (_, held), part in zip(pairs, parts, strict=True):
            predicted[held] = part
        return predicted


def _fold_features(seen: Films, held: Films, values: KernelValues, columns: Columns) -> Floats:
    with one_thread():
        model = MixedModel(seen, values)
        numbers = model.careers.numbers_of(held.directors)
        return features.rows(model, columns, numbers, held.years, held.flags)


def _fold_predictions(trees: PairBoosting, table: Floats, ratings: Floats, held: Floats) -> Floats:
    return trees.fit(table, ratings).predict(held)


def _best_share(trees: Floats, mixed: Floats, ratings: Floats) -> float:
    """Return the share w in 0..1 of least squares: ratings ~ w trees + (1 - w) mixed."""
    apart = trees - mixed
    scale = float(apart @ apart)
    return float(np.clip(apart @ (ratings - mixed) / scale, 0.0, 1.0)) if scale > 0 else 1.0


def _check_training(records: Records, ratings: Floats) -> None:
    if len(ratings) != len(records.years):
        raise UnfitData(f"y: has {len(ratings)} ratings for {len(records.years)} records")
    if not np.all((ratings >= 1) & (ratings <= 10)):
        raise UnfitData("y: holds a rating outside of 1 to 10, or none")
    if len(ratings) < FEWEST_FILMS:
        raise UnfitData(
            f"X: has {len(ratings)} films; at least {FEWEST_FILMS} are needed to learn from"
        )
