"""Invents titles that people can say aloud.

A title fills a pattern ("The {quality} {thing}") with words of the right kind. The patterns are the
most common shapes of real titles, weighted by frequency; the words are ours, preferably those that
the model's own films use. Tables without such words (another language, another domain) get titles
made of their own words instead.
"""

from __future__ import annotations

import itertools
import random
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from data.catalogue import Titles
from edge.search.title_words import INNOCENT, OFFENSIVE, WORDS

# The weight of each shape.
_PATTERNS = (
    ("The {quality} {thing}", 13),
    ("{quality} {things}", 8),
    ("The {quality} {person}", 9),
    ("The {which} {thing}", 4),
    ("The {which} {person}", 4),
    ("The {person}", 3),
    ("The {person}'s {thing}", 8),
    ("{head} of {notion}", 7),
    ("The {head} of {notion}", 4),
    ("{head} of {things}", 6),
    ("The {person} in the {place}", 5),
    ("The {thing} in the {place}", 4),
    ("{doing} the {thing}", 6),
    ("{notion} and {notion}", 6),
    ("{where} the {edge}", 5),
    ("{where} the {quality} {edge}", 3),
    ("{number} {things}", 3),
    ("A {person} in {season}", 3),
    ("A {quality} {season}", 3),
    ("The {place} at {hour}", 3),
    ("When the {things} {does}", 3),
    ("Letters from the {place}", 2),
    ("The {person} and the {thing}", 3),
    ("No {things} for the {person}", 1),
    ("{season} in the {place}", 3),
    ("A {thing} for the {person}", 2),
)
_SHAPES = tuple(pattern for pattern, _ in _PATTERNS)
_UP_TO = tuple(itertools.accumulate(weight for _, weight in _PATTERNS))
# "An Unlikely Summer", "An Honest Winter", "An Heiress in July".
_AN = re.compile(r"^A (?=[AEIOU]|Hon|Heir)")
_SLOT = re.compile(r"\{(\w+)\}")
_SEQUEL = re.compile(r" \d+$")

# A table whose titles use fewer of our words than this is in another language.
_SPOKEN = 0.1
# This many of a kind are enough to choose from; with fewer, all of ours are used.
_ENOUGH = 12

MOST_WORDS = 4
_LENGTHS = (1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4)
# If this many attempts find no free title, there is none.
_ATTEMPTS = 10_000
Item = TypeVar("Item")
_OFFENSIVE = re.compile(rf"(?:{'|'.join(OFFENSIVE)})", re.IGNORECASE)


class TitleMaker:
    """Invents titles: never an existing one, never an offensive one, never the same one twice.

    Args:
        titles: the words of existing titles, and the titles (in lower case).
        rng: the same seed gives the same titles, on any processor and with any Python, because
            only its `random()` is used.
        taken: further titles to avoid.
    """

    def __init__(
        self, titles: Titles, rng: random.Random, taken: frozenset[str] = frozenset()
    ) -> None:
        self._existing = titles.existing
        self._rng = rng
        self._taken = {title.lower() for title in taken}
        self._kinds, self._words = _vocabulary(titles.words)
        few = len(self._words) ** MOST_WORDS * 10 if self._kinds is None else _ATTEMPTS
        self._attempts = min(_ATTEMPTS, max(few, 1))

    def make(self) -> str:
        """Return a new title."""
        for _ in range(self._attempts):
            title = self._draw()
            if self._is_free(title):
                self._taken.add(title.lower())
                return title
        # All titles of so few words are taken for good: number this and later ones, as sequels do.
        self._attempts = 1
        number = 2
        while not self._is_free(f"{title} {number}"):
            number += 1
        self._taken.add(f"{title} {number}".lower())
        return f"{title} {number}"

    def _is_free(self, title: str) -> bool:
        lower = title.lower()
        place = bisect_left(self._existing, lower)
        exists = place < len(self._existing) and self._existing[place] == lower
        return not exists and lower not in self._taken and not is_offensive(title)

    def _draw(self) -> str:
        if self._kinds is None:
            return self._of_own_words()
        place = self._below(_UP_TO[-1])
        shape = _SHAPES[next(i for i, end in enumerate(_UP_TO) if place < end)]
        used: set[str] = set()

        def fill(slot: re.Match[str]) -> str:
            assert self._kinds is not None
            while True:
                word = self._one(self._kinds[slot[1]])
                # "Letters from the Letter", "Loving the Lover": once is enough.
                if not any(word[:5] == other[:5] for other in used):
                    used.add(word)
                    return word

        title = _SLOT.sub(fill, shape)
        return _AN.sub("An ", title)

    def _of_own_words(self) -> str:
        """Return a title of one to four words from existing titles."""
        words: list[str] = []
        for _ in range(min(self._one(_LENGTHS), len(self._words))):
            rest = [word for word in self._words if word not in words]
            words.append(self._one(rest))
        return " ".join(word[:1].upper() + word[1:] for word in words) or "Untitled"

    def _one(self, choices: Sequence[Item]) -> Item:
        return choices[self._below(len(choices))]

    def _below(self, count: int) -> int:
        """Return a whole number below `count`."""
        return int(self._rng.random() * count)


@lru_cache(maxsize=2)
def _vocabulary(
    known: tuple[str, ...],
) -> tuple[dict[str, tuple[str, ...]] | None, tuple[str, ...]]:
    """Return the words of each kind, or None with the table's own inoffensive words."""
    spoken = {word.lower() for word in known}
    ours = {word for words in WORDS.values() for word in words}
    if sum(word.lower() in spoken for word in ours) < _SPOKEN * len(ours):
        return None, tuple(word for word in known if not is_offensive(word))
    kinds = {}
    for kind, words in WORDS.items():
        used = tuple(word for word in words if word.lower() in spoken)
        kinds[kind] = used if len(used) >= _ENOUGH else words
    return kinds, ()


def inventable(titles: Titles) -> Titles:
    """Return titles without those that are never invented anyway, as most real ones aren't.

    A catalogue needs no others; of a large film table they would take a tenth of its bundle.
    """
    kinds, own = _vocabulary(titles.words)
    if kinds is not None:
        pattern = _any_title()
        kept = tuple(title for title in titles.existing if pattern.fullmatch(title))
        return Titles(titles.words, kept)
    spoken = {word.lower() for word in own}

    def is_ours(title: str) -> bool:
        words = _SEQUEL.sub("", title).split(" ")
        return len(words) <= MOST_WORDS and spoken.issuperset(words)

    kept = tuple(title for title in titles.existing if not spoken or is_ours(title))
    return Titles(titles.words, kept)


@lru_cache(maxsize=1)
def _any_title() -> re.Pattern[str]:
    """Return what every title of the patterns matches, in lower case."""
    kinds = {kind: "|".join(map(re.escape, words)) for kind, words in WORDS.items()}
    shapes = (
        _SLOT.sub(lambda slot: f"(?:{kinds[slot[1]]})", re.sub("^A ", "An? ", shape))
        for shape in _SHAPES
    )
    return re.compile(f"(?:{'|'.join(shapes)})(?:{_SEQUEL.pattern})?".lower())


def is_offensive(title: str) -> bool:
    """Return whether a word of a title is offensive."""
    return any(
        _OFFENSIVE.match(word) is not None and word.lower() not in INNOCENT
        for word in re.findall(r"[^\W_]+", title)
    )
