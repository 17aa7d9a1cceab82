"""What to think of the best of very many: it's partly the luckiest error."""

from __future__ import annotations

from data.domain import FILMS, Domain
from data.films import GOOD_STARS
from data.manifest import BestUnseen

# Among so few the best is hardly over-predicted (docs/model.md).
_FEW = 36


def caveat(size: int, known: BestUnseen | None, domain: Domain = FILMS) -> str | None:
    """Return what to think of the best of so many; None for the best of few.

    Args:
        size: how many were searched.
        known: what the model's best predictions came to when it hadn't seen the films.
        domain: whose words to use.
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
