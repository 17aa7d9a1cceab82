"""Which ratings never train, chosen by a key that no training job has.

One combination of director, year and genres in ten is held out, for good: only ratings of these can
compare a new model with the previous one, since neither has learnt from them. All ratings of a
combination are on one side, because a second rating of a film says almost the same as the first.
The key keeps devices from choosing combinations that are held out, and a training job from
recognising them.

A domain of nothing but choices, like plumbers, has one combination for each of them. There a tenth
of the picks is held out instead: no model could be better about plumbers that it never learns of.
A pick's corrections are on its side.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from data.domain import NO_ORDINAL, NO_TAG

# One combination in this many is held out.
ONE_IN = 10
# Fewer held-out ratings aren't enough to decide.
FEWEST = 10
# Set for a training job: it sees only ratings that train. An image from before this ignores it.
ALL_TRAIN = "GREENLIGHT_ALL_TRAIN"
_DIGEST_BYTES = 8


def is_held_out(key: bytes, director: str, year: int, genres: Iterable[str], pick: str) -> bool:
    """Return whether a rating never trains; the arguments after the key are those of `canonical`.

    By HMAC-SHA256 over the combination's canonical JSON, its first 8 bytes modulo 10.
    """
    digest = hmac.digest(key, canonical(director, year, genres, pick), hashlib.sha256)
    return int.from_bytes(digest[:_DIGEST_BYTES], "big") % ONE_IN == 0


def canonical(director: str, year: int, genres: Iterable[str], pick: str) -> bytes:
    """Return a combination as the JSON that is hashed: director, year, and the genres in order.

    Args:
        director: of the combination.
        year: of the combination.
        genres: of the combination; they have no order.
        pick: the id of the pick that was rated, or a film's title; it counts only where the
            combination is nothing but a choice.
    """
    combination: list[object] = [director, year, sorted(genres)]
    if combination[1:] == [NO_ORDINAL, [NO_TAG]]:
        combination.append(pick)
    return json.dumps(combination, ensure_ascii=False, separators=(",", ":")).encode()


def too_few(held_out: int, ratings: int) -> str | None:
    """Return why there are too few held-out ratings to decide, or None if there are enough."""
    if held_out >= FEWEST:
        return None
    more = (FEWEST - held_out) * ONE_IN
    return (
        f"Only {held_out} of {ratings:,} ratings are held out for judging; at least {FEWEST} are "
        f"needed. One combination in {ONE_IN} is held out, so about {more} more ratings are needed."
    )
