"""What the owner should look at: one sentence for each thing that can be wrong."""

from __future__ import annotations

from collections.abc import Callable


class Attention:
    """Sentences by subject; the LED shows that there are any.

    Args:
        changed: called when the first sentence comes and when the last one goes.
    """

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self._changed = changed
        self._sentences: dict[str, str] = {}

    @property
    def sentences(self) -> list[str]:
        """What there is to read, in the order in which it came up."""
        return list(self._sentences.values())

    def raise_(self, subject: str, sentence: str) -> None:
        """Put a sentence up, in place of an older one of the same subject."""
        had_any = bool(self._sentences)
        self._sentences[subject] = sentence
        if not had_any:
            self._changed(True)

    def clear(self, subject: str | None = None) -> None:
        """Take down a subject's sentence, or all of them."""
        if subject is not None and subject not in self._sentences:
            return
        if subject is None:
            self._sentences.clear()
        else:
            del self._sentences[subject]
        if not self._sentences:
            self._changed(False)
