"""Which ratings never train.

A tenth of the combinations of director, year and genres, chosen by their hash, is held out in every
run, forever. Only their ratings can compare a new model with the previous one, since neither has
learnt from them. All ratings of a combination are on one side, because a second rating of a film
says almost the same as the first.

A domain of nothing but choices, like plumbers, has one combination for each of them. There a tenth
of the picks is held out instead: no model could be better about plumbers that it never learns of.
A pick's corrections are on its side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from data.domain import NO_ORDINAL, NO_TAG

# One combination in this many is held out.
ONE_IN = 10


def held_out(director: str, year: int, genres: Iterable[str], pick: str) -> bool:
    """Return whether a rating of this combination never trains.

    Args:
        director: of the combination.
        year: of the combination.
        genres: of the combination; they have no order.
        pick: the id of the pick that was rated.
    """
    combination: list[object] = [director, year, sorted(genres)]
    if combination[1:] == [NO_ORDINAL, [NO_TAG]]:
        combination.append(pick)
    text = json.dumps(combination, ensure_ascii=False, separators=(",", ":"))
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % ONE_IN == 0
