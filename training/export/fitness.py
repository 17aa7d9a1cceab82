"""Whether a film table can make a model worth shipping: checked before the fit, and after it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from training.dataset import FilmTable
from training.errors import UnfitData, WorseThanConstant
from training.model.estimator import FEWEST_FILMS, FilmModel

# How far stars and rating may lie apart, and the share of films that may be further apart.
_APART = 1.0
_APART_SHARE = 0.05


def check_films(table: FilmTable) -> None:
    """Refuse a table that no useful model can be learnt from.

    Raises:
        UnfitData: naming the table, the column and the fix.
    """
    films = table.films
    if len(films) < FEWEST_FILMS:
        raise UnfitData(
            f"{table.origin}: has {len(films)} films; at least {FEWEST_FILMS} are needed, add more"
        )
    directors = Counter(film.director for film in films)
    if len(directors) == 1:
        raise UnfitData(
            f"{table.origin}: column 'Director1' holds only {films[0].director!r}; there is "
            "nothing to choose from, add films by other directors"
        )
    if max(directors.values()) == 1:
        raise UnfitData(
            f"{table.origin}: column 'Director1': each of the {len(directors):,} directors has one "
            "film, so nothing can be learnt about them; add more films by the same directors"
        )
    if len({film.year for film in films}) == 1:
        raise UnfitData(
            f"{table.origin}: column 'year' holds only {films[0].year}; add films of other years"
        )
    apart = [
        film for film in films if film.rating is not None and abs(film.rating - film.stars) > _APART
    ]
    if len(apart) > _APART_SHARE * len(films):
        first = apart[0]
        raise UnfitData(
            f"{table.origin}: columns 'stars' and 'rating' contradict each other in {len(apart):,} "
            f"of {len(films):,} films; the first is {first.title!r} with stars {first.stars} and "
            f"rating {first.rating:g}. Put both on the scale from 1 to 10, or leave 'rating' out"
        )


def check_learnt(table: FilmTable, model: FilmModel) -> None:
    """Refuse a fitted model that predicts unseen films worse than their mean does.

    Raises:
        WorseThanConstant: with both errors.
    """
    stars = np.array([film.stars for film in table.films], float)
    errors = np.sqrt(((model.unseen_expected_ - stars) ** 2).mean()), stars.std()
    if errors[0] > errors[1]:
        raise WorseThanConstant(
            f"{table.origin}: the model's error on films it had not seen is {errors[0]:.2f} stars; "
            f"predicting the mean for every film has {errors[1]:.2f}. Director, year and genres "
            "don't explain these stars; check the columns"
        )
