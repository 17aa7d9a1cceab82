"""What a slate means in a model's domain: which numbers are asked for, and what never meets."""

from __future__ import annotations

import msgspec

from data.domain import NO_ORDINAL, Domain
from edge.search.slate import Slate, Years


def in_domain(slate: Slate, domain: Domain) -> Slate:
    """Return a slate as a domain takes it.

    Without other wishes a film's years are the next ones. A number that isn't given by the day, as
    a coffee's roast, is chosen like all the rest; where there is none, its stand-in is meant. Tags
    that exclude each other never meet.
    """
    if domain.ordinal is None:
        slate = msgspec.structs.replace(slate, years=Years(only=(NO_ORDINAL,)))
    elif not domain.ordinal.context and slate.years.is_next:
        slate = msgspec.structs.replace(slate, years=Years(every=True))
    if domain.tags is not None and domain.tags.exclusive:
        rules = tuple(
            f"at most 1 of {', '.join(_quoted(tag) for tag in group)}"
            for group in domain.tags.exclusive
        )
        slate = msgspec.structs.replace(slate, rules=(*slate.rules, *rules))
    return slate


def _quoted(tag: str) -> str:
    return f'"{tag}"'
