"""The base of all errors, and the one error for an invalid record."""

from __future__ import annotations

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

    Attributes:
        field: the field at fault, as a path (`records[3].stars`), or the record's own name.
        reason: what is wrong and what would be right, in one sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        field, reason = plain(field), plain(reason)
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
