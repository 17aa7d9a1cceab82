"""A caveat about the best of very many films: it's partly the luckiest error."""

from __future__ import annotations

from data.domain import FILMS, Domain
from data.films import GOOD_STARS
from data.manifest import BestUnseen

# The best of this few is hardly over-predicted (docs/model.md).
_FEW = 36


def caveat(size: int, known: BestUnseen | None, domain: Domain = FILMS) -> str | None:
    """Return the caveat about the best of so many films; None for the best of few.

    Args:
        size: how many were searched.
        known: how the model's best predictions of films it hadn't seen turned out.
        domain: gives the words.
    """
    if size <= _FEW:
        return None
    lucky = f"The best of {size:,} is partly the luckiest error"
    if known is None:
        return f"{lucky}: expect less."
    good = f"{domain.outcome.of_rating(GOOD_STARS):.3g}{domain.plain_unit}"
    got = f"{domain.shown_outcome(known.stars)}{domain.plain_unit}"
    return (
        f"{lucky}. Of the {known.films:,} {domain.words.things} that the model rated highest"
        f" without having seen them, {known.came_true:.0%} got {good} or more, where it had"
        f" said {known.stated:.0%}; they got {got}, where it had said"
        f" {domain.shown_outcome(known.expected)}."
    )
