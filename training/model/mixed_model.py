"""The time and genre kernels: a Gaussian mixed model of ratings.

    rating_i = mu + phi_i b + f_d(i)(y_i, g_i) + e_i
    b   ~ N(0, diag(beta of each column's group))
    f_d ~ GP(0, k), one function for each director, with the kernel
          k(i, j) = level + time exp(-|y_i - y_j| / years) + genre <g_i, g_j> / sqrt(|g_i| |g_j|)
    e_i ~ N(0, noise + few_votes / votes_i)

Directors are independent given b, so the covariance is block diagonal with one small block for
each director, and only a matrix of the number of fixed effects is ever inverted whole. With
V = K + noise, A = diag(1/beta) + phi' V^-1 phi:

    b     = A^-1 phi' V^-1 (rating - mu)
    alpha = V^-1 (rating - mu - phi b)
    E f_d(y, g) = sum over d's films j of alpha_j k((y, g), j)

The kernel's parts are a director's level, similarity in time and similarity in genre: together a
function of (director, year) plus one of (director, genres), as the tables need.
The kernel values maximise the marginal likelihood.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.model.careers import Careers, Floats, Ints, Stack, group_by
from training.model.fixed_effects import FixedEffects

LEVEL_VARIANCE = 4.0
# The number of votes assumed for a film without a count.
USUAL_VOTES = 1000.0
# The number of kernel values that belong to the fixed effects.
_FIXED_EFFECTS = 4
_STEPS = 10
_LOWEST, _HIGHEST = -8.0, 6.0


class KernelValues(NamedTuple):
    """The mixed model's variances, and the years over which a director's form fades.

    The first four are the prior variances beta of the fixed effects, by group. They come first
    because an optimiser that varies them alone needn't solve the directors' blocks again.
    """

    trend_effect: float = 0.6
    genre_effect: float = 0.1
    genre_trend_effect: float = 0.02
    pair_effect: float = 0.02
    level: float = 0.1
    time: float = 0.15
    years: float = 10.0
    genre: float = 0.1
    noise: float = 0.4
    few_votes: float = 1.0

    @classmethod
    def of_logs(cls, logs: Floats) -> KernelValues:
        """Return the values with these logarithms."""
        return cls(*(float(v) for v in np.exp(np.clip(logs, _LOWEST, _HIGHEST))))


class Films(NamedTuple):
    """The mixed model's training data: years [n], flags [n, genres], ratings [n], votes [n]."""

    directors: NDArray[np.object_]
    years: Floats
    flags: Floats
    ratings: Floats
    votes: Floats

    def take(self, rows: NDArray[np.int64]) -> Films:
        """Return some of the rows."""
        return Films(
            self.directors[rows],
            self.years[rows],
            self.flags[rows],
            self.ratings[rows],
            self.votes[rows],
        )

    def combinations(self) -> Ints:
        """Return each film's combination of director, year and genres, as a number, [n].

        If each director has only one combination, as in a table without year and genres, equal rows
        aren't duplicates: each row then gets a different number.
        """
        number: dict[tuple[object, float, bytes], int] = {}
        rows = zip(self.directors, self.years, self.flags, strict=True)
        found = np.array(
            [number.setdefault((d, y, flags.tobytes()), len(number)) for d, y, flags in rows],
            np.int64,
        )
        only_directors = len(number) == len(set(self.directors))
        return np.arange(len(found)) if only_directors else found


class Base(NamedTuple):
    """The rating expected from year and genres alone: mu + phi b.

    Attributes:
        mean: of the ratings.
        middle_year: the films' median year.
        effects: the design phi.
        coefficients: b, [columns].
    """

    mean: float
    middle_year: float
    effects: FixedEffects
    coefficients: Floats

    def of(self, years: Floats, flags: Floats) -> Floats:
        """Return it for each film, [n]."""
        expected: Floats = self.effects.design(years, flags) @ self.coefficients + self.mean
        return expected


class MixedModel:
    """A mixed model that was fitted to films.

    Args:
        values: the kernel values.
        base: the rating expected from year and genres alone.
        careers: the films by director, with residuals and weights.
    """

    def __init__(self, values: KernelValues, base: Base, careers: Careers) -> None:
        self.values = values
        self.year_genres = base
        self.careers = careers

    @classmethod
    def fit(cls, films: Films, values: KernelValues) -> MixedModel:
        """Return the model of `films` with given kernel values."""
        effects = FixedEffects.of(films.years, films.flags)
        blocks = _Blocks(films, effects)
        coefficients, weights = blocks.solve(values)
        mean, middle_year = float(films.ratings.mean()), float(np.median(films.years))
        base = Base(mean, middle_year, effects, coefficients)
        residuals = films.ratings - base.of(films.years, films.flags)
        careers = Careers(
            films.directors,
            [
                films.years,
                residuals,
                films.ratings,
                weights,
                _popularity(films, blocks),
                films.flags,
            ],
        )
        return cls(values, base, careers)

    def base(self, years: Floats, flags: Floats) -> Floats:
        """Return each film's expected rating from year and genres alone, [n]."""
        return self.year_genres.of(years, flags)

    def base_level(self, flags: Floats) -> Floats:
        """Return each genre set's base in the middle year, to an eighth of a star, [n]."""
        middle = np.full(len(flags), self.year_genres.middle_year)
        level: Floats = np.round(self.base(middle, flags) * 8.0) / 8.0
        return level

    def time_part(self, stack: Stack, years: Floats) -> Floats:
        """Return each director's level and form in `years` [k, m]: E f_d without genres, [k, m]."""
        v = self.values
        apart = np.abs(years[:, :, None] - stack.years[:, None])
        kernel = v.level + v.time * np.exp(-apart / v.years)
        part: Floats = (stack.weights[:, None] * kernel).sum(axis=2)
        return part

    def genre_part(self, stack: Stack, likeness: Floats) -> Floats:
        """Return the genre part of E f_d, [k, m], from the similarity [k, m, n] with each film."""
        part: Floats = self.values.genre * (stack.weights[:, None] * likeness).sum(axis=2)
        return part


def fit_kernel_values(films: Films) -> KernelValues:
    """Return the kernel values that maximise the marginal likelihood of `films`."""
    blocks = _Blocks(films, FixedEffects.of(films.years, films.flags))
    start = np.log(KernelValues())
    # The likelihood is flat near its top: a few steps are as good as many.
    found = minimize(
        lambda logs: blocks.negative_log_likelihood(KernelValues.of_logs(logs)),
        start,
        method="L-BFGS-B",
        bounds=[(_LOWEST, _HIGHEST)] * len(start),
        options={"maxiter": _STEPS, "ftol": 1e-6},
    )
    return KernelValues.of_logs(found.x)


def likeness(flags: Floats, other: Floats, size: Floats) -> Floats:
    """Return <g_i, g_j> / sqrt(|g_i| |g_j|) between m asked sets and n films, [k, m, n].

    Args:
        flags: the asked sets' genres that matter, [k, m, genres].
        other: the films' flags, [k, n, genres].
        size: how many genres each asked set has, [k, m].
    """
    sizes = np.maximum(other.sum(axis=2), 1.0)
    shared: Floats = flags @ np.swapaxes(other, 1, 2)
    alike: Floats = shared / np.sqrt(sizes[:, None] * size[:, :, None])
    return alike


class _Blocks:
    """The linear algebra with one small block for each director."""

    def __init__(self, films: Films, effects: FixedEffects) -> None:
        self.design = effects.design(films.years, films.flags)
        self._groups = effects.groups
        self._residual = films.ratings - films.ratings.mean()
        votes = np.where(np.isnan(films.votes), USUAL_VOTES, films.votes)
        self._per_vote = 1.0 / np.maximum(votes, 1.0)
        _, of_film = np.unique(films.directors.astype(str), return_inverse=True)
        counts = np.bincount(of_film)
        self._last: tuple[tuple[float, ...], tuple[Floats, Floats, float]] | None = None
        self._blocks = []
        order = np.argsort(of_film, kind="stable")
        starts = np.cumsum(counts) - counts
        for count, directors in group_by(counts):
            rows = order[starts[directors][:, None] + np.arange(count)]
            years, flags = films.years[rows], films.flags[rows]
            apart = np.abs(years[:, :, None] - years[:, None])
            alike = likeness(flags, flags, np.maximum(flags.sum(axis=2), 1.0))
            self._blocks.append((rows, apart, alike))

    def _whitened(self, values: KernelValues) -> tuple[Floats, Floats, float]:
        """Return V^-1 (phi, residual), phi' times it, and log |V|; the last result is cached."""
        key = values[_FIXED_EFFECTS:]
        if self._last is None or self._last[0] != key:
            solved, log_det = self._whiten(values)
            self._last = key, (solved, self.design.T @ solved, log_det)
        return self._last[1]

    def _whiten(self, values: KernelValues) -> tuple[Floats, float]:
        """Return V^-1 (phi, residual) and log |V|."""
        columns = np.column_stack([self.design, self._residual])
        solved = np.empty_like(columns)
        log_det = 0.0
        for rows, apart, alike in self._blocks:
            kernel = values.level + values.time * np.exp(-apart / values.years)
            kernel += values.genre * alike
            n = rows.shape[1]
            noise = values.noise + values.few_votes * self._per_vote[rows]
            kernel[:, np.arange(n), np.arange(n)] += noise
            if n == 1:
                solved[rows[:, 0]] = columns[rows[:, 0]] / kernel[:, 0]
                log_det += float(np.log(kernel).sum())
                continue
            solved[rows.ravel()] = np.linalg.solve(kernel, columns[rows]).reshape(rows.size, -1)
            log_det += float(np.linalg.slogdet(kernel)[1].sum())
        return solved, log_det

    def _normal(self, values: KernelValues, product: Floats) -> tuple[Floats, Floats, Floats]:
        """Return A, phi' V^-1 (rating - mu) and beta."""
        variances = np.array([LEVEL_VARIANCE, *values[:_FIXED_EFFECTS]])[self._groups]
        return np.diag(1.0 / variances) + product[:, :-1], product[:, -1], variances

    def solve(self, values: KernelValues) -> tuple[Floats, Floats]:
        """Return b and alpha."""
        solved, product, _ = self._whitened(values)
        normal, right, _ = self._normal(values, product)
        coefficients = np.asarray(np.linalg.solve(normal, right), float)
        return coefficients, solved[:, -1] - solved[:, :-1] @ coefficients

    def negative_log_likelihood(self, values: KernelValues) -> float:
        """Return the negative log marginal likelihood, up to a constant."""
        solved, product, log_det = self._whitened(values)
        normal, right, variances = self._normal(values, product)
        fit = self._residual @ solved[:, -1] - right @ np.linalg.solve(normal, right)
        normal_det = float(np.linalg.slogdet(normal)[1])
        return 0.5 * (log_det + normal_det + float(np.log(variances).sum()) + float(fit))


def _popularity(films: Films, blocks: _Blocks) -> Floats:
    """Return log votes minus their expectation from year and genres, [n]; 0 if unknown."""
    known = ~np.isnan(films.votes)
    popularity = np.zeros(len(films.votes))
    if known.any():
        logs = np.log1p(films.votes[known])
        design = blocks.design[known]
        normal = design.T @ design + np.eye(design.shape[1])
        centred = logs - logs.mean()
        popularity[known] = centred - design @ np.linalg.solve(normal, design.T @ centred)
    return popularity
