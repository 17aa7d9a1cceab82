"""Which of several records of one rating counts: the newest of its corrections. Pure.

A correction or a withdrawal names the record that it takes the place of. Once a pick's rating is
corrected, all records of that pick and source are one rating, of which one record counts. The
result depends on which records there are, never on the order in which they arrived, nor on a clock:

- The one that counts is replaced by none of the others. What a record says of another pick or
  source is ignored.
- A record may be missing, anywhere: a correction goes before a rating that corrects nothing.
- Where that leaves several, the one with the highest place counts: by journal, then by number in
  it, then by id. A device corrects only what counts at the time, so this takes two copies of a
  journal, or a record that was lost on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

import msgspec

from data.messages import Feedback


class Link(NamedTuple):
    """What decides whether a record counts.

    Attributes:
        replaces: the id of the record that it takes the place of, or None.
        journal: of its place, or nothing.
        number: of its place, or zero.
    """

    id: str
    pick_id: str
    source: str
    replaces: str | None = None
    journal: str = ""
    number: int = 0

    @classmethod
    def of(cls, record: Feedback) -> Self:
        """Return a record's link."""
        link = cls(record.id, record.pick_id, record.source)
        if record.replaces is not msgspec.UNSET:
            link = link._replace(replaces=record.replaces)
        if record.sequence is not msgspec.UNSET:
            place = record.sequence
            link = link._replace(journal=place.journal, number=place.number)
        return link

    @property
    def _place(self) -> tuple[str, int, str]:
        return self.journal, self.number, self.id


def chains(links: Iterable[Link]) -> list[list[Link]]:
    """Return the records of each rating, the one that counts last."""
    found: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        found.setdefault((link.pick_id, link.source), []).append(link)
    ratings: list[list[Link]] = []
    for records in found.values():
        if any(link.replaces is not None for link in records):
            ratings.append(_ordered(records))
        else:
            ratings += [[link] for link in records]
    return ratings


def superseded(links: Iterable[Link]) -> set[str]:
    """Return the ids of the records in whose place another one of their rating counts."""
    return {link.id for chain in chains(links) for link in chain[:-1]}


def that_count(records: Iterable[Feedback]) -> list[Feedback]:
    """Return the ratings that count, in their order: corrected ones once, withdrawn ones never."""
    records = list(records)
    gone = superseded(map(Link.of, records))
    return [one for one in records if one.id not in gone and not one.withdraws]


def _ordered(records: list[Link]) -> list[Link]:
    replaced = {link.replaces for link in records}
    # In a ring, which no device writes, each is replaced, and the highest place counts.
    return sorted(
        records, key=lambda link: (link.id not in replaced, link.replaces is not None, link._place)
    )
