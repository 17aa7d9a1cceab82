"""The films and directors of a bundle (`catalogue.json`), and its test rows (`probes.json`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from data.catalogue import (
    MOST_VARIANCE,
    Background,
    Catalogue,
    DirectorEntry,
    Spread,
    Titles,
    YearRange,
)
from data.films import Combination, Film
from data.probes import Probe, Probes
from edge.search.titles import inventable
from training.export.runtime import Scorer
from training.model.estimator import FilmModel
from training.model.mixed_model import USUAL_VOTES, KernelValues
from training.model.records import frame_of_combinations

BACKGROUND_ROWS = 128
PROBE_ROWS = 96
# Across processors: the head's exponentials may differ in their last bits.
PROBE_TOLERANCE = 1e-5
PROBE_SECONDS = 2.0

_YEAR_AND_KIND = re.compile(r"(\s*\((?:\d{4}[^)]*|TV|V|VG)\))+\s*$")
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP_WORDS = frozenset({
    "all", "and", "are", "but", "for", "from", "her", "his", "how", "into", "its", "new", "not",
    "one", "our", "out", "than", "that", "the", "their", "them", "then", "there", "they", "this",
    "two", "was", "what", "when", "where", "who", "why", "with", "you", "your",
})  # fmt: skip


def catalogue_of(
    model: FilmModel, films: Sequence[Film], seed: int = 0, *, titled: bool = True
) -> Catalogue:
    """Return the catalogue of a model and the films it learnt from.

    Args:
        model: the fitted model.
        films: the films it learnt from.
        seed: for drawing background rows.
        titled: whether new titles can be made from the films' titles.
    """
    by_director: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_director[film.director].append(film)
    number = {genre: i for i, genre in enumerate(model.genre_sets_.genres)}
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(films), min(BACKGROUND_ROWS, len(films)), replace=False)
    return Catalogue(
        genres=model.genre_sets_.genres,
        directors=tuple(
            _director(name, by_director[name], number) for name in model.mixed_.careers.names
        ),
        years=YearRange(*model.table_years_),
        training_years=YearRange(*model.training_years_),
        titles=titles_of(f.title for f in films) if titled else Titles(words=(), existing=()),
        background=tuple(
            Background(f.director, f.year, tuple(sorted(number[g] for g in f.genres)))
            for f in (films[i] for i in np.sort(chosen))
        ),
        spread=spread_of(model.mixed_.values),
    )


def spread_of(values: KernelValues) -> Spread:
    """Return the mixed model's variance of a director, for films like those they made."""
    return Spread(
        between=min(values.level + values.time + values.genre, MOST_VARIANCE),
        within=min(values.noise + values.few_votes / USUAL_VOTES, MOST_VARIANCE),
    )


def _director(name: str, films: list[Film], number: dict[str, int]) -> DirectorEntry:
    return DirectorEntry(
        name=name,
        films=len(films),
        first_year=min(f.year for f in films),
        last_year=max(f.year for f in films),
        genres=tuple(sorted({number[g] for f in films for g in f.genres})),
        kinds=tuple(sorted({f.kind for f in films})),
    )


def titles_of(titles: Iterable[str]) -> Titles:
    """Return the words for making new titles, and the existing ones that they could repeat."""
    existing = {_YEAR_AND_KIND.sub("", title).lower() for title in titles}
    words = {word for title in existing for word in _WORD.findall(title)} - _STOP_WORDS
    return inventable(Titles(words=tuple(sorted(words)), existing=tuple(sorted(existing))))


def probes_of(model: FilmModel, films: Sequence[Film], scorer: Scorer, seed: int = 0) -> Probes:
    """Return probes: real films, invented combinations, and rows the model knows little about."""
    draw = np.random.default_rng(seed)
    genres, names = model.genre_sets_.genres, model.mixed_.careers.names
    first, last = model.table_years_
    real = [films[i].combination for i in draw.integers(0, len(films), PROBE_ROWS // 2)]
    invented = [
        Combination(
            names[draw.integers(len(names))],
            int(draw.integers(first, last + 1)),
            tuple(sorted({genres[i] for i in draw.integers(0, len(genres), draw.integers(1, 4))})),
        )
        for _ in range(PROBE_ROWS // 2 - 4)
    ]
    strange = [
        Combination("nobody known", last, (genres[0],)),
        Combination(names[0], first - 50, (genres[-1],)),
        Combination(names[-1], last + 50, (genres[0],)),
        Combination(names[0], last, ("no genre known",)),
    ]
    rows = [*real, *invented, *strange]
    scores = scorer.score(frame_of_combinations(rows))
    return Probes(
        probes=tuple(
            Probe(row, float(expected), tuple(float(p) for p in probabilities))
            for row, expected, probabilities in zip(
                rows, scores.expected, scores.probabilities, strict=True
            )
        ),
        tolerance=PROBE_TOLERANCE,
        seconds=PROBE_SECONDS,
    )
