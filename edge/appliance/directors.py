"""Finds directors while the owner types: by the start of any word, ignoring accents."""

from __future__ import annotations

from data.catalogue import Catalogue, DirectorEntry
from edge.page.port import LONGEST_TYPED, MOST_DIRECTORS_FOUND
from edge.search.names import fold


class DirectorIndex:
    """The directors of one catalogue, ready to be searched."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._folded = [f" {fold(entry.name)}" for entry in catalogue.directors]

    def search(self, typed: str) -> list[DirectorEntry]:
        """Return the best matches: every word typed starts a word of the name.

        Names that start with the first word come first, then those with more films.
        """
        parts = [f" {word}" for word in fold(typed[:LONGEST_TYPED]).split()]
        if not parts:
            return []
        found = [
            (not name.startswith(parts[0]), -entry.films, entry.name, entry)
            for name, entry in zip(self._folded, self.catalogue.directors, strict=True)
            if all(part in name for part in parts)
        ]
        return [
            entry for *_, entry in sorted(found, key=lambda one: one[:3])[:MOST_DIRECTORS_FOUND]
        ]
