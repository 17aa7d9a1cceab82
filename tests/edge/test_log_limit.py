"""Provoking warnings can't fill the disk."""

from __future__ import annotations

import logging

from edge.log_limit import LogLimit


def test_a_flood_leaves_so_many_lines_and_says_how_many_it_dropped():
    now = 0.0
    limit = LogLimit(lines=3, seconds=10, clock=lambda: now)
    shown: list[str] = []

    def log(name: str, text: str, *values: object) -> None:
        record = logging.LogRecord(name, logging.WARNING, "x", 1, text, values, None)
        if limit.filter(record):
            shown.append(record.getMessage())

    for number in range(1000):
        log("flooded", "line %d", number)
    log("other", "of another logger")
    assert shown == ["line 0", "line 1", "line 2", "of another logger"]
    now = 10.0
    log("flooded", "after %s", "it")
    assert shown[-1] == "after it (997 lines before it were left out)"
    log("flooded", "and so on")
    assert shown[-1] == "and so on"
