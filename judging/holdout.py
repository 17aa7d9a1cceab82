"""Which ratings never train.

A tenth of the feedback, chosen by the hash of its id alone, is kept back in every run for ever: on
it alone can a new model be compared with the one before, since neither has learnt from it.
"""

from __future__ import annotations

import hashlib

# One rating in so many is held out.
ONE_IN = 10


def held_out(feedback_id: str) -> bool:
    """Return whether the rating with this id never trains."""
    return int(hashlib.sha256(feedback_id.encode()).hexdigest()[:8], 16) % ONE_IN == 0
