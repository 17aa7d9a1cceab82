"""The history as CSV has every digit, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import msgspec

from edge.journal import HistoryEntry
from edge.journal.spreadsheet import COLUMNS, as_csv

from ..page.test_charts import entry


def rows(*entries: HistoryEntry) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(list(entries)))))


def test_every_pick_is_there_oldest_first_with_every_digit():
    expected = 7.123456954956055
    found = rows(entry(2, expected, 8), entry(1, 6.0))
    assert tuple(found[0]) == COLUMNS
    assert [row["number"] for row in found] == ["1", "2"]
    assert float(found[1]["expected"]) == expected
    assert (found[1]["stars"], found[0]["stars"]) == ("8", "")
    assert (found[1]["genre1"], found[1]["genre3"]) == ("Comedy", "None")


def test_text_that_a_spreadsheet_would_run_is_defused():
    plain = entry(1, 6.0)
    evil = msgspec.structs.replace(plain.pick, title='=HYPERLINK("x")', director="@you, \n too")
    row = rows(msgspec.structs.replace(plain, pick=evil))[0]
    assert row["title"] == '\'=HYPERLINK("x")'
    assert row["director"] == "'@you, \n too"


def test_a_pick_that_was_drawn_to_learn_from_is_marked():
    plain = entry(1, 6.0)
    drawn = msgspec.structs.replace(plain, pick=msgspec.structs.replace(plain.pick, explored=True))
    assert [row["explored"] for row in rows(drawn, plain)] == ["no", "yes"]


def test_a_negative_number_stays_a_number():
    assert rows(entry(1, -0.5))[0]["expected"] == "-0.5"
