"""The result of checking one part, as both doctors report it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One part's state, and the fix if one is needed."""

    part: str
    ok: bool
    found: str
    fix: str = ""


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield findings as lines for a terminal, each fix below what it fixes."""
    for finding in findings:
        yield f"{'ok ' if finding.ok else 'BAD'} {finding.part}: {finding.found}"
        if finding.fix:
            yield f"      {finding.fix}"
