"""Counts how often the held-out ratings have judged a candidate against one incumbent.

A file in the work folder, written before the comparison: every look counts, whatever its outcome.
Judging the same training set again isn't another look, since it gives the same result.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from data import wire
from data.durable import replace_durably
from training.errors import SourceUnavailable

LOOKS = "looks.json"


def count_look(work: Path, incumbent: str, training_set: str) -> int:
    """Count a look, and return its number against this incumbent, from 1.

    Args:
        work: the work folder.
        incumbent: the hash of the model in use.
        training_set: the hash of the training set whose held-out ratings are looked at.

    Raises:
        SourceUnavailable: the file can't be read, so it isn't known how much was spent.
    """
    path = work / LOOKS
    try:
        looks = msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])
    except FileNotFoundError:
        looks = {}
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(path, wire.refusal(error, "it")) from error
    taken = looks.setdefault(incumbent, [])
    if training_set not in taken:
        taken.append(training_set)
        replace_durably(path, msgspec.json.format(msgspec.json.encode(looks), indent=1))
    return taken.index(training_set) + 1


def _unreadable(path: Path, why: object) -> SourceUnavailable:
    return SourceUnavailable(f"{path}: can't be read ({why}); restore it, or give --look")
