"""Adapts a slate to a model's domain: its numbers, and tags that exclude each other.

Light, as `slate` is: the page and the command line convert a person's numbers with it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from data.domain import NO_ORDINAL, Domain
from data.errors import InvalidRecord
from edge.search.slate import InvalidSlate, Slate, Years


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


def on_wire(slate: Slate, domain: Domain) -> Slate:
    """Return a slate whose numbers a person gave, with those that the model knows.

    Raises:
        InvalidSlate: a number can't be held.
    """
    if domain.ordinal is None or not domain.ordinal.shift:
        return slate
    try:
        return _renumbered(slate, domain.ordinal_on_wire)
    except InvalidRecord as error:
        raise InvalidSlate(f"the {domain.ordinal.word} {error.reason}") from error


def as_shown(slate: Slate, domain: Domain) -> Slate:
    """Return a slate with the numbers that a person knows: the inverse of `on_wire`."""
    if domain.ordinal is None or not domain.ordinal.shift:
        return slate
    shift = domain.ordinal.shift
    return _renumbered(slate, lambda year: year - shift)


def _renumbered(slate: Slate, renumber: Callable[[int], int]) -> Slate:
    years = msgspec.structs.replace(
        slate.years,
        first=None if slate.years.first is None else renumber(slate.years.first),
        last=None if slate.years.last is None else renumber(slate.years.last),
        only=tuple(map(renumber, slate.years.only)),
    )
    made = tuple(msgspec.structs.replace(one, year=renumber(one.year)) for one in slate.leave_out)
    return msgspec.structs.replace(slate, years=years, leave_out=made)


def _quoted(tag: str) -> str:
    return f'"{tag}"'
