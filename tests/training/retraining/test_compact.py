"""`greenlight-train compact`: each rating once, however it comes and whatever dies on the way."""

import csv
import random
import subprocess
import sys
import uuid
from pathlib import Path

import msgspec
import pytest

from data.domain import NO_ORDINAL, NO_TAG
from data.film_table import read_rows, write_films
from data.messages import JournalPlace
from judging.holdout import held_out
from lambdas.store_feedback.ingest import canonical
from tests.syncs import in_order, recorded
from training.dataset import load
from training.errors import SourceUnavailable, TooManyBadRows, WorkFolderBusy
from training.retraining import compact as module
from training.retraining.compact import compact
from training.retraining.training_set import TRAINING_ROWS, TrainingSet

from .made_up_feedback import made_up_feedback, write_objects

KILLER = Path(__file__).parent / "killed_compact.py"


@pytest.fixture
def table(tmp_path, films):
    path = tmp_path / "films.csv"
    write_films(path, films)
    return path


@pytest.fixture
def feedback(tmp_path):
    return tmp_path / "feedback"


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


def rejects(work: Path) -> dict[str, str]:
    with (work / "rejects.csv").open(encoding="utf-8") as file:
        return {row["object"]: row["reason"] for row in csv.DictReader(file)}


def test_every_rating_is_in_the_set_once_behind_the_films_of_the_table(
    table, feedback, work, films
):
    records = write_objects(feedback, made_up_feedback(films, 200))
    made = compact(str(feedback), table, work)
    training, held = made.training().films, made.held_out()
    assert training[: len(films)] == films == made.table()
    rated = training[len(films) :] + held
    assert sorted((f.title, f.rating, f.director) for f in rated) == sorted(
        (r.title, r.rating, r.director) for r in records
    )
    counts = made.manifest.counts
    assert (counts.objects, counts.owner, counts.table) == (200, 200, len(films))
    assert (counts.trained, counts.held_out) == (200 - len(held), len(held))


def test_the_tenth_of_the_combinations_never_trains(table, feedback, work, films):
    records = write_objects(feedback, made_up_feedback(films, 2_000))
    made = compact(str(feedback), table, work)
    chosen = {r.title for r in records if held_out(r.director, r.year, r.genres, r.pick_id)}
    assert 100 < len(chosen) < 300
    assert {film.title for film in made.held_out()} == chosen
    assert not chosen & {film.title for film in made.training().films}
    rated = made.training().films[len(films) :]
    combinations = [
        {(f.director, f.year, f.genres) for f in some} for some in (rated, made.held_out())
    ]
    assert not combinations[0] & combinations[1]
    assert made.held_out_things() == ["MovieSelector"] * len(made.held_out())


def test_with_ratings_held_out_elsewhere_every_one_here_trains_whatever_the_folder_held_before(
    table, feedback, work, films
):
    write_objects(feedback, made_up_feedback(films, 200))
    some = compact(str(feedback), table, work).manifest
    made = compact(str(feedback), table, work, hold_out=False)
    assert (made.manifest.counts.trained, made.manifest.counts.held_out) == (200, 0)
    assert (some.holds_out, made.manifest.holds_out) == (True, False)
    assert made.manifest.sha256 != some.sha256
    assert made.trained() == made.training().films[len(films) :]
    assert made.trained_things() == ["MovieSelector"] * 200
    assert compact(str(feedback), table, work).manifest == some


def test_the_tenth_is_the_same_forever():
    assert [y for y in range(1950, 2010) if held_out("A director", y, ["Drama", "Comedy"], "")] == [
        1950, 1957, 1965, 1967, 1977, 1985, 2006,
    ]  # fmt: skip
    assert all(
        held_out("D", y, ["Drama", "War"], "a") == held_out("D", y, ["War", "Drama"], "b")
        for y in range(1950, 2010)
    )


def test_where_a_combination_is_only_a_choice_a_tenth_of_its_picks_is_held_out():
    picks = [f"pick {number}" for number in range(2_000)]
    held = [pick for pick in picks if held_out("Tap & Sons", NO_ORDINAL, [NO_TAG], pick)]
    assert 150 < len(held) < 250
    assert held == [one for one in picks if held_out("Tap & Sons", NO_ORDINAL, [NO_TAG], one)]
    assert len({held_out("Tap & Sons", NO_ORDINAL + 1, [NO_TAG], pick) for pick in picks}) == 1


def test_a_copy_counts_once_and_another_record_under_the_same_id_is_refused_by_name(
    table, feedback, work, films
):
    first, second, *_ = write_objects(feedback, made_up_feedback(films, 40))
    (feedback / "zz-copy.json").write_bytes(msgspec.json.encode(first))  # fields in another order
    other = msgspec.structs.replace(second, stars=1, rating=1.0)
    (feedback / "zz-other.json").write_bytes(canonical(other))
    made = compact(str(feedback), table, work)
    assert (made.manifest.counts.owner, made.manifest.counts.duplicates) == (40, 1)
    assert rejects(work) == {
        "zz-other.json": f"the id {second.id} was seen before with different content"
    }
    kept = made.training().films + made.held_out()
    assert next(f for f in kept if f.title == second.title).rating == second.rating


def test_bad_objects_are_listed_with_their_reasons_and_stop_nothing(table, feedback, work, films):
    write_objects(feedback, made_up_feedback(films, 97))
    (feedback / "torn.json").write_bytes(b'{"id": "0')
    (feedback / "big.json").write_bytes(b" " * 200_000)
    (feedback / "link.json").symlink_to(feedback / "nowhere")
    (feedback / ".half.json").write_bytes(b"somebody is writing this")
    made = compact(str(feedback), table, work)
    assert (made.manifest.counts.owner, made.manifest.counts.rejects) == (97, 3)
    reasons = rejects(work)
    assert reasons["torn.json"].startswith("the feedback isn't JSON")
    assert "at most 100000 are allowed" in reasons["big.json"]
    assert reasons["link.json"] == "cannot be read: No such file or directory"


def test_too_many_bad_objects_are_an_error_that_says_where_they_are_listed(
    table, feedback, work, films
):
    write_objects(feedback, made_up_feedback(films, 9))
    (feedback / "torn.json").write_bytes(b"{")
    with pytest.raises(TooManyBadRows, match=r"1 of 10 objects aren't ratings \(10.0%; 5% all"):
        compact(str(feedback), table, work)
    assert list(rejects(work)) == ["torn.json"]
    assert compact(str(feedback), table, work, allowed_bad_share=0.1).manifest.counts.owner == 9


def test_simulated_ratings_are_left_out_unless_asked_for(table, feedback, work, films):
    write_objects(feedback, made_up_feedback(films, 30))
    write_objects(feedback, made_up_feedback(films, 20, seed=1, source="simulated"))
    without = compact(str(feedback), table, work).manifest
    asked = compact(str(feedback), table, work, include_simulated=True).manifest
    assert (without.counts.owner, without.counts.simulated, without.counts.left_out) == (30, 0, 20)
    assert (asked.counts.owner, asked.counts.simulated, asked.counts.left_out) == (30, 20, 0)
    assert without.sha256 != asked.sha256


def test_the_same_inputs_give_the_same_folder_and_nothing_is_written_again(
    table, feedback, work, films
):
    write_objects(feedback, made_up_feedback(films, 60))
    first = compact(str(feedback), table, work)
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = compact(str(feedback), table, work)
    assert again.folder == first.folder
    assert {path: path.stat().st_mtime_ns for path in again.folder.iterdir()} == before
    elsewhere = compact(str(feedback), table, work.with_name("other"))
    assert elsewhere.folder.name == first.folder.name
    assert (elsewhere.folder / TRAINING_ROWS).read_bytes() == (
        first.folder / TRAINING_ROWS
    ).read_bytes()


def test_a_second_run_reads_only_what_is_new(table, feedback, work, films, monkeypatch):
    write_objects(feedback, made_up_feedback(films, 50))
    compact(str(feedback), table, work)
    read = []
    honest = module.objects_at

    def spied(*arguments):
        objects = honest(*arguments)
        plain = objects.read
        objects.read = lambda key: read.append(key) or plain(key)
        return objects

    monkeypatch.setattr(module, "objects_at", spied)
    fresh = write_objects(feedback, made_up_feedback(films, 7, seed=1))
    made = compact(str(feedback), table, work)
    assert sorted(read) == sorted(f"{record.id}.json" for record in fresh)
    assert made.manifest.counts.owner == 57


@pytest.mark.parametrize("seed", range(3))
def test_however_objects_come_in_however_many_runs_the_set_is_the_same(
    table, tmp_path, films, seed
):
    draw = random.Random(seed)
    records = list(made_up_feedback(films, 120, seed=seed))
    at_once, in_parts = tmp_path / "at-once", tmp_path / "in-parts"
    write_objects(at_once, records)
    whole = compact(str(at_once), table, tmp_path / "a", objects_at_once=1_000)
    draw.shuffle(records)
    while records:
        count = draw.randint(1, 50)
        write_objects(in_parts, records[:count])
        del records[:count]
        made = compact(str(in_parts), table, tmp_path / "b", objects_at_once=draw.randint(1, 40))
    assert made.folder.name == whole.folder.name
    assert made.training().films == whole.training().films
    assert made.held_out() == whole.held_out()


def test_killed_at_any_moment_a_rerun_finishes_and_nothing_is_there_twice(
    table, feedback, work, films
):
    write_objects(feedback, made_up_feedback(films, 150))
    wanted = compact(str(feedback), table, work.with_name("undisturbed"))
    done = subprocess.run(
        [sys.executable, KILLER, feedback, table, work, "7"],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    deaths, name = done.stdout.split()
    assert int(deaths) >= 10
    assert name == wanted.folder.name
    assert [path.name for path in (work / "sets").iterdir()] == [name]
    assert TrainingSet(work / "sets" / name).manifest.counts == wanted.manifest.counts


def test_two_runs_at_once_do_not_meet_in_one_folder(table, feedback, work, films):
    write_objects(feedback, made_up_feedback(films, 5))

    def again(step: str, done: float) -> None:
        if step.startswith("take"):
            with pytest.raises(WorkFolderBusy, match="another run is using it"):
                compact(str(feedback), table, work)

    assert compact(str(feedback), table, work, progress=again).manifest.counts.owner == 5


def test_the_buckets_layout_is_read_from_its_own_folder_too(table, tmp_path, work, films):
    write_objects(tmp_path / "bucket" / "feedback", made_up_feedback(films, 5))
    assert compact(str(tmp_path / "bucket"), table, work).manifest.counts.owner == 5


def test_without_any_rating_the_set_is_the_film_table(table, feedback, work, films):
    feedback.mkdir()
    made = compact(str(feedback), table, work)
    assert made.training().films == films
    assert made.held_out() == []
    assert made.manifest.films_sha256 == load("csv", table).sha256


def test_the_training_rows_are_a_film_table_like_any_other(table, feedback, work, films):
    write_objects(feedback, made_up_feedback(films, 20))
    made = compact(str(feedback), table, work)
    assert list(read_rows(made.folder / TRAINING_ROWS)) == made.training().films


def test_a_place_that_is_not_there_is_named(table, work, tmp_path):
    with pytest.raises(SourceUnavailable, match="nowhere: isn't a folder"):
        compact(str(tmp_path / "nowhere"), table, work)
    with pytest.raises(SourceUnavailable, match="names no bucket"):
        compact("s3:///feedback/", table, work)


def test_a_sets_rows_are_on_the_disk_before_it_has_its_name(
    table, feedback, work, films, monkeypatch
):
    write_objects(feedback, made_up_feedback(films, 20))
    done = recorded(monkeypatch)
    name = compact(str(feedback), table, work).folder.name
    for file in ("films.parquet", TRAINING_ROWS):
        assert in_order(
            done, f"sync .{file}.new", f"rename .{file}.new {file}", f"rename .{name}.new {name}"
        )
    assert in_order(
        done, "sync manifest.json", f"sync .{name}.new/", f"rename .{name}.new {name}", "sync sets/"
    )


def corrected(record, number, stars, replaces):
    """Return a correction of a rating, or with None its withdrawal."""
    return msgspec.structs.replace(
        record,
        id=str(uuid.UUID(int=number)),
        stars=stars,
        rating=None,
        schema_version=2,
        replaces=replaces.id,
        sequence=JournalPlace(str(uuid.UUID(int=7)), number),
    )


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_corrections_arrive_the_set_is_the_same(
    table, feedback, work, tmp_path, films, seed
):
    records = list(made_up_feedback(films, 40))
    first, second, third, _, fifth = records[:5]
    late = [corrected(first, 1, 3, first)]
    late += [corrected(first, 2, 9, late[0])]
    late += [corrected(second, 3, None, second)]
    # Of two corrections of one rating, the later in the journal counts.
    late += [corrected(third, 4, 2, third), corrected(third, 5, 10, third)]
    # Its rating never arrives.
    late += [corrected(records[3], 6, 1, corrected(records[3], 8, 5, records[3]))]
    # The record between this rating and its last correction never arrives.
    late += [corrected(fifth, 7, 4, corrected(fifth, 9, 6, fifth))]
    gone = records.pop(3)
    everything = [*records, *late]
    random.Random(seed).shuffle(everything)
    for some in (everything[:15], everything[15:30], everything[30:]):
        write_objects(feedback, some)
        made = compact(str(feedback), table, work, objects_at_once=6)
    kept = {film.title: film.stars for film in [*made.training().films, *made.held_out()]}
    assert (kept[first.title], kept[third.title], kept[gone.title]) == (9, 10, 1)
    assert kept[fifth.title] == 4
    assert second.title not in kept
    counts = made.manifest.counts
    assert (counts.owner, counts.corrected, counts.withdrawn) == (39, 6, 1)
    at_once = compact(str(feedback), table, tmp_path / "other")
    assert at_once.manifest.sha256 == made.manifest.sha256
