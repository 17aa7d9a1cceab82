"""Who wants to hear of something."""

from __future__ import annotations

from collections.abc import Callable


class Listeners:
    """Callables that are told, in no order; adding and removing is safe from any thread."""

    def __init__(self) -> None:
        self._listening: frozenset[Callable[[], None]] = frozenset()

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Tell `listener` from now on; the callable returned ends that."""
        self._listening |= {listener}

        def remove() -> None:
            self._listening -= {listener}

        return remove

    def tell(self) -> None:
        """Tell everyone."""
        for listener in self._listening:
            listener()
