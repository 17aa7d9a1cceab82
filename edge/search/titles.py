"""Invented titles in the manner of earlier ones."""

from __future__ import annotations

import random

from data.catalogue import Titles

MOST_WORDS = 4
_LEADS = ("The", "A")
_LED = 0.35
_VOWELS = "aeiouAEIOU"
_LENGTH_WEIGHTS = (2, 5, 4, 1)
# Inventing again this often without finding a free title means that there is none.
_ATTEMPTS = 10_000


class TitleMaker:
    """Invents titles: one to four words of earlier titles, sometimes led by `The` or `A`.

    None is an existing title, and none is made twice.

    Args:
        titles: the words to use, and the titles that exist (in lower case).
        rng: where chance comes from; the same seed gives the same titles.
        taken: further titles that must not be made.
    """

    def __init__(
        self, titles: Titles, rng: random.Random, taken: frozenset[str] = frozenset()
    ) -> None:
        self._words = titles.words
        self._rng = rng
        self._taken = {title.lower() for title in taken}.union(titles.existing)

    def make(self) -> str:
        """Return a new title."""
        for attempt in range(_ATTEMPTS):
            title = self._draw()
            if title.lower() not in self._taken:
                self._taken.add(title.lower())
                return title
            if len(self._words) < MOST_WORDS and attempt > len(self._words) ** MOST_WORDS * 10:
                break
        # Every combination of so few words exists: number the title, as sequels do.
        number = 2
        while f"{title} {number}".lower() in self._taken:
            number += 1
        self._taken.add(f"{title} {number}".lower())
        return f"{title} {number}"

    def _draw(self) -> str:
        rng = self._rng
        if not self._words:
            return "Untitled"
        count = rng.choices(range(1, MOST_WORDS + 1), _LENGTH_WEIGHTS)[0]
        words = rng.sample(self._words, min(count, len(self._words)))
        if rng.random() < _LED:
            lead = rng.choice(_LEADS)
            words = ["The" if words[0][0] in _VOWELS else lead, *words]
        return " ".join(word[:1].upper() + word[1:] for word in words)
