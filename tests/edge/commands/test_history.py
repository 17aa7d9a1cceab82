"""`greenlight history` exports everything: for a spreadsheet, and for training by hand."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data import topics
from data.exits import Exit
from data.film_table import write_films
from data.films import Film
from edge.appliance.state_folder import LOCK
from edge.journal import JOURNAL, Journal
from edge.journal.spreadsheet import COLUMNS

from ..journal.records import a_pick, feedback_on


def tool(module: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def history(state: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return tool("edge", "history", "--state", state, *arguments)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder of 25 picks, each rated; the newest with decimals."""
    folder = tmp_path / "state"
    folder.mkdir()
    with Journal.open(folder / JOURNAL) as journal:
        for number in range(25):
            pick = a_pick(title=f"=Made {number}")
            journal.record_pick(pick)
            exact = 7.6 if number == 24 else None
            journal.record_rating(feedback_on(pick, rating=exact))
    return folder


def test_the_csv_holds_every_pick_unless_fewer_are_asked_for(state: Path):
    rows = list(csv.DictReader(history(state, "--csv").stdout.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == [str(number) for number in range(1, 26)]
    assert rows[0]["title"] == "'=Made 0", "no spreadsheet runs it"
    assert (rows[24]["stars"], rows[24]["rating"]) == ("8", "7.6")
    assert (rows[0]["stars"], rows[0]["rating"]) == ("8", "")
    newest = csv.DictReader(history(state, "--csv", "--limit", 2).stdout.splitlines())
    assert [row["number"] for row in newest] == ["24", "25"]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_table_has_one_line_a_film_in_local_time(state: Path, columns: int):
    shown = tool(
        "edge", "history", "--state", state, "--limit", 3, COLUMNS=str(columns), TZ="XYZ-05:30"
    ).stdout.splitlines()
    assert len(shown) == 4
    assert shown[0].startswith("made (XYZ)")
    assert all(len(line) <= columns and "8" in line for line in shown[1:])


def test_ratings_of_a_pi_without_a_cloud_can_train_a_model(state: Path, tmp_path: Path):
    out = tmp_path / "out"
    written = history(state, "--feedback", out)
    assert written.returncode == 0, written.stderr
    assert "25 ratings" in written.stdout
    with Journal.open(state / JOURNAL) as journal:
        sent = {row.id: row.payload for row in journal.peek_outbox(100)}
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.json")}
    assert found == {topics.feedback_object(id_): payload for id_, payload in sent.items()}

    table = tmp_path / "films.csv"
    write_films(table, [Film("Cléo", 1962, "Agnès Varda", ("Drama",), "film", 8)])
    compacted = tool(
        *("training", "compact", "--feedback", out, "--films", table, "--out", tmp_path / "work")
    )
    assert compacted.returncode == 0, compacted.stderr
    [made] = (tmp_path / "work" / "sets").glob("*/manifest.json")
    assert json.loads(made.read_bytes())["counts"]["owner"] == 25


def test_ratings_written_before_are_left_alone_and_new_ones_join_them(state: Path, tmp_path: Path):
    history(state, "--feedback", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json")}
    with Journal.open(state / JOURNAL) as journal:
        pick = a_pick()
        journal.record_pick(pick)
        journal.record_rating(feedback_on(pick))
    again = history(state, "--feedback", tmp_path / "out")
    assert "26 ratings" in again.stdout
    assert "1 of them new" in again.stdout
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert before.items() <= after.items()
    assert sum(path.is_file() for path in after) == 26, "and nothing half written beside them"


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(state: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    refused = history(state, "--feedback", tmp_path / "file")
    assert refused.returncode == 1
    assert "can't be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_journal_that_is_not_the_appliances_is_not_shown_as_if_it_were(supplied):
    supplied.start()
    assert supplied.command("history").returncode == Exit.OK
    for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"):
        (supplied.state / name).unlink()
    removed = supplied.command("history")
    assert (removed.returncode, removed.stdout) == (Exit.NO_STATE, "")
    assert "isn't the file that the appliance writes into" in removed.stderr
    (supplied.state / JOURNAL).write_bytes(b"")
    assert supplied.command("history").returncode == Exit.NO_STATE
    assert (supplied.state / JOURNAL).read_bytes() == b"", "a query changes nothing"


def test_a_journal_that_was_set_aside_is_named_until_the_next_start_recovers_it(state: Path):
    (state / JOURNAL).rename(state / f"{JOURNAL}.damaged-1")
    (state / LOCK).touch()
    done = history(state)
    assert (done.returncode, done.stdout) == (Exit.NO_STATE, "")
    assert "the next start of the appliance recovers journal.db.damaged-1" in done.stderr
