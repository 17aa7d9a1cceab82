"""Made-up films with careers as IMDb's: most directors have made one film, a few have made many."""

from collections.abc import Iterator

import numpy as np

from data.films import Film, stars_of
from edge.search.title_words import WORDS

ALL_GENRES = """
Action Adventure Animation Biography Comedy Crime Documentary Drama Family Fantasy History Horror
Music Musical Mystery News Reality Romance Sci-Fi Short Sport Thriller War Western
"""
GENRES = tuple(sorted(ALL_GENRES.split()))
_SYLLABLES = "an be co da el fi go hu in jo ka li mo no or pa qu ro sa ti ul va we xi"
FILMS_EACH = 3
_ONE_FILM = 0.6
_WORDS = 20_000
_KNOWN = sorted({word for words in WORDS.values() for word in words})
_FIRST_YEAR, _LAST_YEAR = 1915, 2014


def films(directors: int, seed: int = 0) -> Iterator[Film]:
    """Yield three times as many films as directors, career by career."""
    draw = np.random.default_rng(seed)
    words = made_up_words(draw)
    names = made_up_names(directors, draw, words)
    common = 1 / np.arange(2, len(GENRES) + 2)
    for name, made in zip(names, _careers(directors, draw).tolist(), strict=True):
        own = draw.choice(len(GENRES), min(6, 1 + made), False, common / common.sum())
        first = int(_FIRST_YEAR + (_LAST_YEAR - _FIRST_YEAR) * draw.beta(3, 1))
        talent = draw.normal(6.3, 0.9)
        for film in range(made):
            genres = draw.choice(own, min(len(own), int(draw.integers(1, 4))), False)
            rating = round(float(np.clip(draw.normal(talent, 0.7), 1, 10)), 1)
            yield Film(
                title=made_up_title(draw, words),
                year=min(first + 2 * film, _LAST_YEAR),
                director=name,
                genres=tuple(sorted(GENRES[genre] for genre in genres)),
                kind="film",
                stars=stars_of(rating),
                rating=rating,
                votes=1_500 + int(draw.lognormal(8, 1.5)),
            )


def _careers(directors: int, draw: np.random.Generator) -> np.ndarray:
    """Draw how many films each director has made: three on average, exactly."""
    made = np.where(draw.random(directors) < _ONE_FILM, 1, 2 + draw.geometric(0.25, directors))
    over = int(made.sum()) - FILMS_EACH * directors
    for number in range(abs(over)):
        # Fewer for whom has the most, or more for some.
        made[made.argmax() if over > 0 else number % directors] -= 1 if over > 0 else -1
    return made


def made_up_words(draw: np.random.Generator) -> list[str]:
    """Return words that can be said."""
    syllables = _SYLLABLES.split()
    return ["".join(draw.choice(syllables, 3)).title() for _ in range(_WORDS)]


def made_up_title(draw: np.random.Generator, words: list[str]) -> str:
    """Return a title of one to four words, of which some are known and some are names."""
    # Few words are in many titles, as in any language.
    ranks = len(words) ** draw.random(int(draw.integers(1, 5)))
    names = [words[int(rank) - 1] for rank in ranks]
    return " ".join(_KNOWN[int(draw.integers(len(_KNOWN)))] if draw.random() < 0.4 else name
                    for name in names)  # fmt: skip


def made_up_names(count: int, draw: np.random.Generator, words: list[str]) -> list[str]:
    """Return this many different names, in order."""
    pairs = {f"{words[a]} {words[b]}" for a, b in draw.integers(0, len(words), (2 * count + 9, 2))}
    names = sorted(pairs)
    return names[:: len(names) // count][:count]
