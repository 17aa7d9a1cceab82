"""Predicts the size of a film table's model and bundle before the model is fitted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from data import limits
from data.films import MAX_GENRES, Film
from data.genre_sets import overlap_count
from training.export.catalogue import titles_of

# Four levels, an offset, three inputs of the head, and the name's own overhead.
_BYTES_A_DIRECTOR = 38
# Members, level and size of each set, and the cube that numbers three slots.
_BYTES_A_SET, _BYTES_A_SLOT = 40, 4
_GRAPH_BYTES = 12_000
# Of a director's entry in the catalogue, and of each genre in it.
_ENTRY_BYTES, _OWN_GENRE_BYTES = 85, 3
# Probes, manifest, and a report of usual size.
_REST_BYTES = 1_000_000


class ModelSize(NamedTuple):
    """The dimensions of a model, its size, and that of its catalogue."""

    directors: int
    years: int
    genres: int
    genre_sets: int
    total_bytes: int
    catalogue_bytes: int = 0

    @property
    def bundle_bytes(self) -> int:
        """The size of the whole bundle."""
        return self.total_bytes + self.catalogue_bytes + _REST_BYTES

    @property
    def fits(self) -> bool:
        """Whether a device accepts it."""
        return (
            self.total_bytes <= limits.MAX_MODEL_BYTES
            and self.catalogue_bytes <= limits.MAX_BUNDLE_FILE_BYTES
            and self.bundle_bytes <= limits.MAX_BUNDLE_BYTES
        )


def sets_of(genres: int) -> int:
    """Return how many sets of one to three genres there are."""
    return sum(math.comb(genres, size) for size in range(1, MAX_GENRES + 1))


def size_of(
    films: Sequence[Film], kept: Collection[str] | None = None, title_bytes: int | None = None
) -> ModelSize:
    """Return the size of the model that these films will give.

    Args:
        films: to learn from.
        kept: count only these genres; None for all.
        title_bytes: of the catalogue's titles, if they are known.
    """
    own: dict[str, set[str]] = defaultdict(set)
    for film in films:
        own[film.director].update(g for g in film.genres if kept is None or g in kept)
    genres = len(set().union(*own.values()))
    made = [film.year for film in films]
    years = max(made) - min(made) + 1 + limits.YEARS_PAST_TRAINING
    name_bytes = sum(len(name.encode()) for name in own)
    counts = [len(names) for names in own.values()]
    found = predict(len(own), years, genres, counts, name_bytes)
    entries = _ENTRY_BYTES * len(own) + name_bytes + _OWN_GENRE_BYTES * sum(counts)
    titles = _title_bytes(films) if title_bytes is None else title_bytes
    return found._replace(catalogue_bytes=entries + titles)


def _title_bytes(films: Sequence[Film]) -> int:
    titles = titles_of(film.title for film in films)
    # Quotes and a comma around each.
    return sum(len(text.encode()) + 3 for text in (*titles.words, *titles.existing))


def predict(
    directors: int, years: int, genres: int, own_genres: Sequence[int], name_bytes: int
) -> ModelSize:
    """Return the size of a model from its dimensions.

    Args:
        directors: how many.
        years: of the tables, including those past the training films.
        genres: how many.
        own_genres: how many each director has.
        name_bytes: of all directors' names.
    """
    total = (
        2 * (directors + 1) * years
        + 2 * 3 * sum(map(overlap_count, own_genres))
        + 3 * (directors + 1) * (genres + 1)
        + _BYTES_A_DIRECTOR * directors
        + name_bytes
        + _set_bytes(years, genres)
        + _GRAPH_BYTES
    )
    return ModelSize(directors, years, genres, sets_of(genres), total)


def most_genres(films: Sequence[Film]) -> int:
    """Return how many of the most common genres fit into a device's model; 0 if not even one."""
    counts = Counter(genre for film in films for genre in film.genres)
    common = [genre for genre, _ in counts.most_common()]
    # The size grows with the number kept, so bisect for the largest number that fits.
    fitting, too_many, title_bytes = 0, len(common) + 1, _title_bytes(films)
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if size_of(films, frozenset(common[:middle]), title_bytes).fits:
            fitting = middle
        else:
            too_many = middle
    return fitting


def _set_bytes(years: int, genres: int) -> int:
    # Two tables by year and set: of the expected stars, and of the usual error.
    each = 2 * 2 * years + _BYTES_A_SET
    return each * (sets_of(genres) + 1) + _BYTES_A_SLOT * (genres + 1) ** 3
