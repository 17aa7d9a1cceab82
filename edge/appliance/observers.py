"""Callbacks for changes."""

from __future__ import annotations

from collections.abc import Callable


class Observers:
    """A set of callbacks, called in no order; adding and removing them is safe from any thread."""

    def __init__(self) -> None:
        self._observers: frozenset[Callable[[], None]] = frozenset()

    def add(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call `observer` from now on; return a function that stops that."""
        self._observers |= {observer}

        def remove() -> None:
            self._observers -= {observer}

        return remove

    def notify(self) -> None:
        """Call all observers."""
        for observer in self._observers:
            observer()
