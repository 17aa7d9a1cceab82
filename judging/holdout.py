"""Which ratings never train.

A tenth of the combinations of director, year and genres, chosen by their hash, is held out in every
run, forever. Only their ratings can compare a new model with the previous one, since neither has
learnt from them. All ratings of a combination are on one side, because a second rating of a film
says almost the same as the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

# One combination in this many is held out.
ONE_IN = 10


def held_out(director: str, year: int, genres: Iterable[str]) -> bool:
    """Return whether ratings of this combination never train; genres have no order."""
    combination = [director, year, sorted(genres)]
    text = json.dumps(combination, ensure_ascii=False, separators=(",", ":"))
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % ONE_IN == 0
