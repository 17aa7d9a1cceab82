"""The film model: a scikit-learn estimator from director, year and genres to expected stars.

`FilmModel` is the estimator; `frame_of_films` and `ratings_of` turn films into what it learns from,
`frame_of_combinations` turns combinations into what it predicts. Trees restricted to pairs of the
three choices (`pairs`), a mixed model (`mixed_model`) and an ordinal head (`head`) are its parts.
"""

from training.model.estimator import FilmModel
from training.model.records import frame_of_combinations, frame_of_films, ratings_of

__all__ = ["FilmModel", "frame_of_combinations", "frame_of_films", "ratings_of"]
