"""Which of several records of one rating counts: the newest of its corrections. Pure.

A correction or a withdrawal names the record that it takes the place of, so the records of a rating
form a chain. Only the chain's end counts. The result depends on which records there are, never on
the order in which they arrived, nor on a clock:

- `replaces` names a record of the same pick and source; what it says of others is ignored.
- A correction counts even if what it replaces is missing.
- If a record was corrected twice, the correction with the higher place counts: by journal, then by
  number in it, then by id. A device corrects only what counts at the time, so this takes two copies
  of a journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self, TypeAlias

import msgspec

from data.messages import Feedback

# A record's pick, source and id.
_Node: TypeAlias = tuple[str, str, str]


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

    def node(self, id_: str) -> _Node:
        """Return a record of the same pick and source; of others, this one can't speak."""
        return self.pick_id, self.source, id_

    @property
    def _place(self) -> tuple[str, int, str]:
        return self.journal, self.number, self.id


def chains(links: Iterable[Link]) -> list[list[Link]]:
    """Return the records of each rating, the one that counts last."""
    roots: dict[_Node, _Node] = {}

    def root_of(node: _Node) -> _Node:
        root = node
        while (above := roots.setdefault(root, root)) != root:
            root = above
        # The next search is short, however long the chain is.
        while node != root:
            roots[node], node = root, roots[node]
        return root

    links = list(links)
    for link in links:
        root = root_of(link.node(link.id))
        if link.replaces is not None:
            roots[root] = root_of(link.node(link.replaces))
    found: dict[_Node, list[Link]] = {}
    for link in links:
        found.setdefault(root_of(link.node(link.id)), []).append(link)
    return [_ordered(chain) for chain in found.values()]


def superseded(links: Iterable[Link]) -> set[str]:
    """Return the ids of the records in whose place another one of their rating counts."""
    return {link.id for chain in chains(links) for link in chain[:-1]}


def that_count(records: Iterable[Feedback]) -> list[Feedback]:
    """Return the ratings that count, in their order: corrected ones once, withdrawn ones never."""
    records = list(records)
    gone = superseded(map(Link.of, records))
    return [one for one in records if one.id not in gone and not one.withdraws]


def _ordered(chain: list[Link]) -> list[Link]:
    replaced = {link.replaces for link in chain}
    # In a ring, which no device writes, each is replaced, and the highest place counts.
    return sorted(chain, key=lambda link: (link.id not in replaced, link._place))
