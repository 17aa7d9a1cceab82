"""One deliberate mistake, and what must notice it."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One deliberate mistake.

    Attributes:
        name: what it is called on the command line.
        promise: words of `doc` that no longer hold.
        doc: the page that promises it.
        file: what is changed.
        before: text that occurs in it once.
        after: what takes its place.
        test: must fail then, by what it asserts.
        gate: whether the gate tries it, too: a dozen quick ones.
    """

    name: str
    promise: str
    doc: str
    file: str
    before: str
    after: str
    test: str
    gate: bool = False
