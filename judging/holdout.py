"""Which ratings never train where nobody keeps them apart.

In the cloud `store_feedback` chooses them by a secret key (`data/held_out.py`), and training never
sees them. Where there is only a folder of ratings, a tenth of the combinations is held out by their
hash, in every run, forever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from data.held_out import ONE_IN, canonical


def held_out(director: str, year: int, genres: Iterable[str], pick: str) -> bool:
    """Return whether a rating never trains; the arguments are those of `canonical`."""
    digest = hashlib.sha256(canonical(director, year, genres, pick)).hexdigest()
    return int(digest[:8], 16) % ONE_IN == 0
