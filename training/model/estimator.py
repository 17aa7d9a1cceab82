"""The film model: a scikit-learn estimator from raw records to stars.

    expected(d, y, G) = share * trees(features) + (1 - share) * mixed(d, y, G)

Both terms are sums of functions of two of the three choices, so their sum is too, and
`training.export.compile` writes it into integer tables with no loss except rounding.

A director's features must be cross-fitted: in training, a film's features come from models that
haven't seen it, or the trees would learn to copy the answer contained in the features.

One cross-fitted table isn't enough for predicting films as if unseen: a film's stars are in the
features of its director's other films, and trees that learn from those have seen them. So for
these predictions everything is fitted again within each fold, features included; only the kernel
values, ten numbers, are those of all films.

Films of one combination are always in one fold: a film that the table repeats, or that several
owners rated, isn't predicted by models that have learnt from its duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from data.films import NO_GENRE
from data.genre_sets import GenreSets
from data.limits import YEARS_PAST_TRAINING
from training.errors import UnfitData
from training.model import features
from training.model.careers import Floats, Ints
from training.model.columns import Columns
from training.model.error_size import ErrorBoosting
from training.model.folds import folds as folds_of
from training.model.head import director_inputs, fit_head
from training.model.mixed_model import Films, KernelValues, MixedModel, fit_kernel_values
from training.model.pairs import PairBoosting
from training.model.records import Records, as_records, stars_of_ratings
from training.model.threads import one_thread
from training.progress import ProgressReporter, unreported

# Fewer films can't train a model.
FEWEST_FILMS = 20


class FilmModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Expected stars and their distribution from director, year and genres.

    Args:
        trees, learning_rate, leaves, min_films, shrinkage, share: of the boosting (PairBoosting).
        folds: how many folds to cross-fit features in.
        head_folds: how many folds to predict films in, for fitting the head.
        error_trees: how many trees each part of ErrorSize has.
        jobs: parallel processes; the result doesn't depend on it.
        seed: for everything random.

    Attributes:
        genre_sets_: the genres of the training films and their sets.
        training_years_: first and last year of the training films.
        mixed_, trees_, error_size_, head_: the fitted parts.
        trees_share_: the share of the trees in the prediction.
        unseen_expected_, unseen_error_sizes_, unseen_probabilities_: for the training films, each
            predicted by models that haven't seen it, not even through features, [n], [n] and
            [n, 10].
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
        error_trees: int = 250,
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
        self.error_trees = error_trees
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
            progress("cross-fit the features", 0.2)
            table = self._cross_fit(films, values)
            progress("fit the trees", 0.3)
            self.trees_ = self._boosting().fit(table, ratings)
            self.mixed_ = MixedModel.fit(films, values)
            progress("predict each film unseen", 0.4)
            folds = self._unseen(films, values)
            trees, asked = (_in_order(folds, name) for name in ("trees", "asked"))
            mixed = _mixed_part(asked, self.columns_)
            self.trees_share_ = _best_share(trees, mixed, ratings)
            share = self.trees_share_
            self.unseen_expected_ = share * trees + (1.0 - share) * mixed
            progress("learn how far off predictions are", 0.85)
            errors = ratings - self.unseen_expected_
            self.error_size_ = self._error_size().fit(table, errors)
            self.unseen_error_sizes_ = self._unseen_error_sizes(folds, errors)
            progress("fit the head", 0.95)
            known = _head_inputs(asked, self.unseen_error_sizes_, self.columns_)
            self.head_ = fit_head(self.unseen_expected_, known, stars_of_ratings(ratings))
            self.unseen_probabilities_ = self.head_.probabilities(self.unseen_expected_, known)
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
        """Clip years to the tables' range: those outside count as the nearest one inside."""
        first, last = self.table_years_
        return np.clip(years, first, last).astype(float)

    @property
    def table_years_(self) -> tuple[int, int]:
        """First and last year that the model can distinguish."""
        return self.training_years_[0], self.training_years_[1] + YEARS_PAST_TRAINING

    def predict_features(self, table: Floats) -> Floats:
        """Return expected stars of feature columns, [n]."""
        share = self.trees_share_
        mixed = _mixed_part(table, self.columns_)
        blended: Floats = share * self.trees_.predict(table) + (1.0 - share) * mixed
        return blended

    def head_inputs(self, table: Floats) -> Floats:
        """Return the head's inputs other than expected stars, [n, 3]."""
        return _head_inputs(table, self.error_size_.predict(table), self.columns_)

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
        """Return each film's features from a model that hasn't seen it, [n, width]."""
        pairs = list(folds_of(films.combinations(), self.folds, self.seed))
        parts = Parallel(self.jobs)(
            delayed(_fold_features)(films.take(seen), films.take(held), values, self.columns_)
            for seen, held in pairs
        )
        table = self.columns_.empty(len(films.years))
        for (_, held), part in zip(pairs, parts, strict=True):
            table[held] = part
        return table

    def _error_size(self) -> ErrorBoosting:
        return ErrorBoosting(self.columns_, trees=self.error_trees, seed=self.seed)

    def _unseen(self, films: Films, values: KernelValues) -> list[_Fold]:
        """Return each film's prediction by models that haven't seen it, even through features."""
        pairs = list(folds_of(films.combinations(), self.head_folds, self.seed + 1))
        tables = [self._cross_fit(films.take(seen), values) for seen, _ in pairs]
        parts = Parallel(self.jobs)(
            delayed(_fold_predictions)(
                self._boosting(), table, films.take(seen), films.take(held), values, self.columns_
            )
            for table, (seen, held) in zip(tables, pairs, strict=True)
        )
        return [
            _Fold(seen, held, table, *part)
            for table, (seen, held), part in zip(tables, pairs, parts, strict=True)
        ]

    def _unseen_error_sizes(self, folds: Sequence[_Fold], errors: Floats) -> Floats:
        """Return the usual size of each film's error, by models that haven't seen it, [n]."""
        parts = Parallel(self.jobs)(
            delayed(_fold_error_sizes)(
                self._error_size(), fold.learnt, errors[fold.seen], fold.asked
            )
            for fold in folds
        )
        sizes = np.empty(len(errors))
        for fold, part in zip(folds, parts, strict=True):
            sizes[fold.held] = part
        return sizes


class _Fold(NamedTuple):
    """Films that models saw, films that they didn't, and the predictions for these.

    Attributes:
        seen, held: rows of the films.
        learnt: features of the films seen, cross-fitted among themselves, [seen, width].
        asked: features of the others by models of those seen, [held, width].
        trees: the trees' prediction of the others, [held].
    """

    seen: Ints
    held: Ints
    learnt: Floats
    asked: Floats
    trees: Floats


def _in_order(folds: Sequence[_Fold], name: str) -> Floats:
    """Return one of the folds' results, put together for all films in their order."""
    order = np.argsort(np.concatenate([fold.held for fold in folds]))
    found: Floats = np.concatenate([getattr(fold, name) for fold in folds])[order]
    return found


def _fold_features(seen: Films, held: Films, values: KernelValues, columns: Columns) -> Floats:
    with one_thread():
        model = MixedModel.fit(seen, values)
        numbers = model.careers.numbers_of(held.directors)
        return features.rows(model, columns, numbers, held.years, held.flags)


def _fold_predictions(
    trees: PairBoosting,
    table: Floats,
    seen: Films,
    held: Films,
    values: KernelValues,
    columns: Columns,
) -> tuple[Floats, Floats]:
    asked = _fold_features(seen, held, values, columns)
    return asked, trees.fit(table, seen.ratings).predict(asked)


def _fold_error_sizes(size: ErrorBoosting, learnt: Floats, errors: Floats, asked: Floats) -> Floats:
    return size.fit(learnt, errors).predict(asked)


def _mixed_part(table: Floats, columns: Columns) -> Floats:
    """Return the mixed model's prediction, the sum of three feature columns."""
    mixed: Floats = table[:, columns.base] + table[:, columns.form] + table[:, columns.style]
    return mixed


def _head_inputs(table: Floats, sizes: Floats, columns: Columns) -> Floats:
    director = director_inputs(table[:, columns.films], table[:, columns.spread])
    return np.column_stack([director, sizes])


def _best_share(trees: Floats, mixed: Floats, ratings: Floats) -> float:
    """Return the least-squares share w in 0..1: ratings ~ w trees + (1 - w) mixed."""
    apart = trees - mixed
    scale = float(apart @ apart)
    return float(np.clip(apart @ (ratings - mixed) / scale, 0.0, 1.0)) if scale > 0 else 1.0


def _check_training(records: Records, ratings: Floats) -> None:
    if len(ratings) != len(records.years):
        raise UnfitData(
            f"there are {len(ratings)} ratings for {len(records.years)} films; give one each"
        )
    if not np.all((ratings >= 1) & (ratings <= 10)):
        raise UnfitData("a rating is missing or outside of 1 to 10")
    if len(ratings) < FEWEST_FILMS:
        raise UnfitData(
            f"there are {len(ratings)} films; at least {FEWEST_FILMS} are needed to learn from"
        )
