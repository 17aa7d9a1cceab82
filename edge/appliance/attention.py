"""Warnings to the owner: at most one sentence for each thing that can be wrong."""

from __future__ import annotations

from collections.abc import Callable


class Attention:
    """Warnings by subject; the LED shows whether there are any.

    Args:
        changed: called with True when the first warning comes, with False when the last one goes.
    """

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self._changed = changed
        self._sentences: dict[str, str] = {}

    @property
    def sentences(self) -> list[str]:
        """The warnings, oldest first."""
        return list(self._sentences.values())

    def raise_(self, subject: str, sentence: str) -> None:
        """Add a warning, in place of an older one about the same subject."""
        had_any = bool(self._sentences)
        self._sentences[subject] = sentence
        if not had_any:
            self._changed(True)

    def clear(self, subject: str | None = None) -> None:
        """Remove a subject's warning, or all of them."""
        if subject is not None and subject not in self._sentences:
            return
        if subject is None:
            self._sentences.clear()
        else:
            del self._sentences[subject]
        if not self._sentences:
            self._changed(False)
