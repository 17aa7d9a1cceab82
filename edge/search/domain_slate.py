"""Adapts a slate to a model's domain: its numbers, and tags that exclude each other."""

from __future__ import annotations

import msgspec

from data.domain import NO_ORDINAL, Domain
from edge.search.slate import Slate, Years


def in_domain(slate: Slate, domain: Domain) -> Slate:
    """Return a slate adapted to a domain.

    By default a film's years are the next ones. A number that doesn't come with the day, such as a
    coffee's roast, is chosen like everything else; a domain without numbers uses a constant. Tags
    that exclude each other never occur together.
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
