"""When a new model is released: the decision alone, and the sentences that give its reasons.

better      on the held-out ratings, RMSE or log loss: the whole interval is below zero
not worse   on the held-out ratings, in no figure is the whole interval above zero
kept        on films in the table by directors whom no owner has rated: no figure is worse by more
            than its margin, or than a quarter of the proven gain on the held-out ratings
checks      all passed
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from data.domain import FILMS, Domain
from data.verdict import Check, Comparison, Decision, Figure
from judging.paired import spent

# How much worse the model may be on those films of the table. Owners who disagree with the table
# about a genre or a decade affect other directors' films too: the larger the proven gain on their
# ratings (the interval's end nearer zero), the larger the loss allowed.
MARGIN: dict[Figure, float] = {"rmse": 0.02, "log_loss": 0.02, "regret": 0.05}
SHARE_OF_GAIN = 0.25
# A loss in regret is offset by a gain in RMSE: both are in stars, and regret's own gain is seldom
# proven on few slates.
_OFFSET_BY: dict[Figure, Figure] = {"rmse": "rmse", "log_loss": "log_loss", "regret": "rmse"}
_DECIDING: tuple[Figure, ...] = ("rmse", "log_loss")
_NAMES: dict[Figure, str] = {"rmse": "RMSE", "log_loss": "log loss", "regret": "regret on slates"}
# In stars, which a domain shows on its own scale.
_ON_SCALE: tuple[Figure, ...] = ("rmse", "regret")
_NOT_SEEN = "Training sees no held-out ratings, so by them the judge decides."


def how_judged(clusterings: int, look: int, about: Domain = FILMS) -> str:
    """Return how the ratings were compared, as a sentence to follow the reasons.

    Args:
        clusterings: how many ways to cluster them there were.
        look: which look at them this was.
        about: whose words are used.
    """
    by = about.reword(
        "by director or by device, whichever is wider"
        if clusterings > 1
        else "by director only, for fewer than three devices sent ratings"
    )
    return (
        f"The intervals on the ratings are {by}. This is look {look} at them against this version "
        f"and spends {spent(look):.2%} of the 5% chance of releasing a model that isn't better."
    )


def decide(
    comparisons: Sequence[Comparison],
    checks: Sequence[Check],
    *,
    by_table: bool = True,
    by_ratings: bool = True,
    about: Domain = FILMS,
) -> tuple[Decision, tuple[str, ...]]:
    """Return the decision, and its reasons as sentences.

    Args:
        comparisons: on the held-out ratings, and on the film table if that was possible.
        checks: all of them must have passed.
        by_table: whether the film table was to be compared.
        by_ratings: whether there are held-out ratings. A first filter has none and refuses only
            what fails a check or is shown to be worse on the table; the gain on ratings that
            trained stands for the proven one.
        about: in whose words and on whose scale the reasons are given.
    """
    feedback = [one for one in comparisons if one.part == "feedback"]
    holdout = [one for one in comparisons if one.part == "holdout"]
    deciding = [one for one in feedback if one.figure in _DECIDING]
    better = [one for one in deciding if one.high < 0]
    allowed = _allowed([one for one in comparisons if one.part != "holdout"])
    against = [
        *(_worse(one, about) for one in feedback if one.low > 0),
        *(
            _loss(one, allowed[one.figure], about)
            for one in holdout
            # With few slates regret is largely chance; a first filter leaves that to the judge.
            if one.difference > allowed[one.figure] and (by_ratings or one.low > 0)
        ),
        *(f"{check.name.capitalize()}: {check.found}." for check in checks if not check.passed),
    ]
    if by_ratings and not better and not any(one.low > 0 for one in deciding):
        against.append(_tie(deciding, about))
    if against:
        return "refuse", tuple(against)
    gained = [_better(one, about) for one in better] if by_ratings else [_NOT_SEEN]
    return "release", (*gained, *([_kept(holdout, about, shown=by_ratings)] if by_table else []))


def in_domain(one: Comparison, about: Domain) -> Comparison:
    """Return a comparison with its figures on a domain's scale."""
    ends = ("incumbent", "candidate", "difference", "low", "high")
    return msgspec.structs.replace(
        one, **{end: on_scale(getattr(one, end), one.figure, about) for end in ends}
    )


def named(figure: Figure, about: Domain) -> str:
    """Return a figure's name, with the unit that it's in."""
    unit = about.outcome.unit if figure in _ON_SCALE else ""
    return f"{_NAMES[figure]}, {unit}" if unit else _NAMES[figure]


def on_scale(value: float, figure: Figure, about: Domain) -> float:
    """Return a figure, or a difference of it, on a domain's scale."""
    return about.outcome.difference(value) if figure in _ON_SCALE else value


def describe(one: Comparison, about: Domain = FILMS) -> str:
    """Return a difference and its interval, as in `RMSE -0.012 stars (95% interval ...)`."""
    unit = about.plain_unit if one.figure in _ON_SCALE else ""
    apart, low, high = (
        on_scale(value, one.figure, about) for value in (one.difference, one.low, one.high)
    )
    return (
        f"{_NAMES[one.figure]} {apart:+z.3f}{unit} "
        f"({level(one)} interval {low:+z.3f} to {high:+z.3f})"
    )


def level(one: Comparison) -> str:
    """Return the level of a comparison's interval, as in `95%`."""
    return f"{100.0 * (0.95 if one.level is msgspec.UNSET else one.level):.4g}%"


def _allowed(rated: Sequence[Comparison]) -> dict[Figure, float]:
    """Return how much worse each figure may be on the films of the table."""
    gain = {one.figure: max(0.0, -one.high) for one in rated}
    return {
        figure: max(margin, SHARE_OF_GAIN * gain.get(_OFFSET_BY[figure], 0.0))
        for figure, margin in MARGIN.items()
    }


def _worse(one: Comparison, about: Domain) -> str:
    return f"On {one.films:,} held-out ratings the new model is worse: {describe(one, about)}."


def _better(one: Comparison, about: Domain) -> str:
    return f"On {one.films:,} held-out ratings the new model is better: {describe(one, about)}."


def _loss(one: Comparison, allowed: float, about: Domain) -> str:
    return about.say(
        "On {count:,} films of the table by directors whom no owner has rated, each predicted "
        "unseen, the new model is worse by more than the {allowed:.2f} allowed: {found}.",
        count=one.films,
        allowed=on_scale(allowed, one.figure, about),
        found=describe(one, about),
    )


def _kept(holdout: Sequence[Comparison], about: Domain, *, shown: bool) -> str:
    if not holdout:
        return about.reword(
            "Nearly every director in the table has been rated, so the ratings alone decide."
        )
    worse = "worse" if shown else "shown to be worse"
    return about.say(
        "On {count:,} films of the table by directors whom no owner has rated, the new model is "
        f"not {worse} by more than is allowed: {{found}}.",
        count=holdout[0].films,
        found="; ".join(describe(one, about) for one in holdout),
    )


def _tie(deciding: Sequence[Comparison], about: Domain) -> str:
    films = deciding[0].films
    sentence = (
        f"On {films:,} held-out ratings the new model isn't shown to be better: "
        f"{'; '.join(describe(one, about) for one in deciding)}. A tie is not released."
    )
    needed = [more for one in deciding if (more := _enough(one)) is not None]
    if not needed:
        return sentence
    return (
        f"{sentence} If the difference is real, about {_rounded(min(needed)):,} held-out ratings "
        f"would show it."
    )


def _enough(one: Comparison) -> float | None:
    """Return how many held-out ratings would show this gain; None if there is no gain.

    An interval shrinks with the root of the number of ratings.
    """
    if one.difference >= 0:
        return None
    return one.films * float((one.high - one.difference) / -one.difference) ** 2


def _rounded(number: float) -> int:
    """Round up to two significant digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(int(number))) - 2))
    return math.ceil(number / unit) * unit
