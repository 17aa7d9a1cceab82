"""Feedback objects in a folder or an S3 bucket; both can list and read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from data import limits, topics
from training.errors import SourceUnavailable

FOLDER, _, SUFFIX = topics.feedback_object("").rpartition("/")
S3 = "s3://"
# A larger object can't be feedback, so only this much is read.
MOST_BYTES = limits.MAX_PAYLOAD_BYTES + 1


class Gone(Exception):
    """An object that was listed can't be read; the message says why."""


class FeedbackObjects(Protocol):
    """Feedback objects, each under its key.

    Attributes:
        place: its name in messages.
        most_readers: how many parallel reads are useful.
    """

    place: str
    most_readers: int

    def keys(self) -> Iterator[str]:
        """Yield the key of every object, in any order."""

    def read(self, key: str) -> bytes:
        """Return an object's content, or its first MOST_BYTES.

        Raises:
            Gone: this object can't be read; others may be readable.
        """


class FolderObjects:
    """FeedbackObjects as files of a folder, or of its subfolder `feedback`, as in the bucket."""

    # Threads don't speed up reading local files.
    most_readers = 1

    def __init__(self, folder: Path) -> None:
        inner = folder / FOLDER
        self._folder = inner if inner.is_dir() else folder
        self.place = str(self._folder)
        if not self._folder.is_dir():
            raise SourceUnavailable(f"{folder}: isn't a folder; name a folder of feedback objects")

    def keys(self) -> Iterator[str]:
        """Yield the name of each `.json` file; hidden ones are still being written."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    yield entry.name

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        try:
            with (self._folder / key).open("rb") as file:
                return file.read(MOST_BYTES)
        except OSError as error:
            raise Gone(str(error.strerror)) from error
