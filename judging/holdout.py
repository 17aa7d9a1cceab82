"""Which ratings never train.

A tenth of the combinations of director, year and genres, chosen by their hash, is kept back in
every run for ever: on ratings of these alone can a new model be compared with the one before, since
neither has learned from them. All ratings of a combination are on one side: a second rating of a
film says almost what the first one said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

# One combination in so many is held out.
ONE_IN = 10


def held_out(director: str, year: int, genres: Iterable[str]) -> bool:
    """Return whether ratings of this combination never train; genres have no order."""
    combination = [director, year, sorted(genres)]
    text = json.dumps(combination, ensure_ascii=False, separators=(",", ":"))
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % ONE_IN == 0
