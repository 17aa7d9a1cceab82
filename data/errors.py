"""The base of all errors, and the one error for an invalid record."""

from __future__ import annotations

import re
from typing import ClassVar

from data.exits import Exit
from data.text import plain


class GreenlightError(Exception):
    """Base of every error that Greenlight raises on purpose.

    Attributes:
        exit_code: of a command that fails with this error.
    """

    exit_code: ClassVar[Exit] = Exit.FAILED


class InvalidRecord(GreenlightError, ValueError):
    """A record was refused. Nothing has been changed.

    The message is a sentence: "`stars` in entry 4 of `records` is 11; give 1 to 10 stars".

    Attributes:
        field: what is at fault: a path (`records[3].stars`), a column, or words (`the ack`).
        reason: what is wrong and what would be right; the sentence's end.
    """

    def __init__(self, field: str, reason: str) -> None:
        field, reason = plain(field), plain(reason)
        super().__init__(f"{_in_words(field)} {reason}")
        self.field = field
        self.reason = reason


_PATH = re.compile(r"[^\W\d]\w*(?:\.\w+|\[(?:\d+|\.\.\.)\])*")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|(\w+)")


def _in_words(field: str) -> str:
    """Return a path in words, `stars` in entry 4 of `records`; and other text as it is."""
    if not _PATH.fullmatch(field):
        return field
    found = ""
    for index, name in _STEP.findall(field):
        if name:
            found = f"`{name}` in {found}" if found else f"`{name}`"
        else:
            found = (
                f"entry {int(index) + 1} of {found}" if index != "..." else f"an entry of {found}"
            )
    return found
