"""When a new model is released: the rules alone, and the sentences that give their reasons.

better      on the held-out ratings, RMSE or log loss: the whole interval below zero
not worse   on the held-out ratings, in no figure the whole interval above zero
not lost    on films of the table by directors whom no rating has told of: no figure worse by more
            than its margin, or than a quarter of what is proven won on the held-out ratings
checks      all passed
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from data.verdict import Check, Comparison, Decision, Figure
from training.retraining.holdout import ONE_IN

# Fewer held-out ratings say nothing.
FEWEST = 10
# What may be lost on those films of the table. Owners who think otherwise of a genre or a time move
# other directors' films too: the more is proven won on their ratings (by the interval's nearer
# end), the more of that is allowed.
MARGIN: dict[Figure, float] = {"rmse": 0.02, "log_loss": 0.02, "regret": 0.05}
SHARE_OF_GAIN = 0.25
# Regret is in stars, as RMSE is; its own gain is seldom proven on few slates.
_PAID_BY: dict[Figure, Figure] = {"rmse": "rmse", "log_loss": "log_loss", "regret": "rmse"}
_DECIDING: tuple[Figure, ...] = ("rmse", "log_loss")
_NAMES: dict[Figure, str] = {"rmse": "RMSE", "log_loss": "log loss", "regret": "regret on slates"}
_UNITS: dict[Figure, str] = {"rmse": " stars", "log_loss": "", "regret": " stars"}


def too_few(held_out: int, ratings: int) -> str | None:
    """Return why so few held-out ratings decide nothing, or None if they are enough."""
    if held_out >= FEWEST:
        return None
    more = (FEWEST - held_out) * ONE_IN
    return (
        f"{held_out} of {ratings:,} ratings are held out to judge by, and at least {FEWEST} are "
        f"needed. One rating in {ONE_IN} is held out: about {more} more will do."
    )


def decide(
    comparisons: Sequence[Comparison], checks: Sequence[Check]
) -> tuple[Decision, tuple[str, ...]]:
    """Return the decision, and its reasons as sentences."""
    feedback = [one for one in comparisons if one.part == "feedback"]
    holdout = [one for one in comparisons if one.part == "holdout"]
    deciding = [one for one in feedback if one.figure in _DECIDING]
    better = [one for one in deciding if one.high < 0]
    allowed = _allowed(feedback)
    against = [
        *(_worse(one) for one in feedback if one.low > 0),
        *(
            _lost(one, allowed[one.figure])
            for one in holdout
            if one.difference > allowed[one.figure]
        ),
        *(f"{check.name.capitalize()}: {check.found}." for check in checks if not check.passed),
    ]
    if not better and not any(one.low > 0 for one in deciding):
        against.append(_tie(deciding))
    if against:
        return "refuse", tuple(against)
    return "release", (*map(_better, better), _kept(holdout))


def said(one: Comparison) -> str:
    """Return a difference with its interval, as `RMSE -0.012 stars (95% interval ...)`."""
    return (
        f"{_NAMES[one.figure]} {one.difference:+.3f}{_UNITS[one.figure]} "
        f"(95% interval {one.low:+.3f} to {one.high:+.3f})"
    )


def _allowed(feedback: Sequence[Comparison]) -> dict[Figure, float]:
    """Return how much worse each figure may be on the films of the table."""
    won = {one.figure: max(0.0, -one.high) for one in feedback}
    return {
        figure: max(margin, SHARE_OF_GAIN * won[_PAID_BY[figure]])
        for figure, margin in MARGIN.items()
    }


def _worse(one: Comparison) -> str:
    return f"On {one.films:,} held-out ratings the new model is worse: {said(one)}."


def _better(one: Comparison) -> str:
    return f"On {one.films:,} held-out ratings the new model is better: {said(one)}."


def _lost(one: Comparison, allowed: float) -> str:
    return (
        f"On {one.films:,} films of the table by directors whom no rating has told of, each "
        f"predicted unseen, the new model is worse by more than the {allowed:.2f} that may be lost "
        f"there: {said(one)}."
    )


def _kept(holdout: Sequence[Comparison]) -> str:
    if not holdout:
        return "Nearly every director of the table has been rated: the ratings alone decide."
    differences = "; ".join(said(one) for one in holdout)
    return (
        f"On {holdout[0].films:,} films of the table by directors whom no rating has told of, no "
        f"more is lost than allowed: {differences}."
    )


def _tie(deciding: Sequence[Comparison]) -> str:
    films = deciding[0].films
    sentence = (
        f"On {films:,} held-out ratings the new model is not shown to be better: "
        f"{'; '.join(said(one) for one in deciding)}. A tie is not released."
    )
    needed = [more for one in deciding if (more := _enough(one)) is not None]
    if not needed:
        return sentence
    return (
        f"{sentence} If the difference is real, some {_rounded(min(needed)):,} held-out ratings "
        f"would show it."
    )


def _enough(one: Comparison) -> float | None:
    """Return how many held-out ratings would show this difference; None if there is none.

    An interval shrinks with the root of the number of ratings.
    """
    if one.difference >= 0:
        return None
    return one.films * float((one.high - one.difference) / -one.difference) ** 2


def _rounded(number: float) -> int:
    """Return a number of two digits and zeros: it is an estimate."""
    unit = int(10 ** max(0, len(str(int(number))) - 2))
    return math.ceil(number / unit) * unit
