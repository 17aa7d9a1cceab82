"""A training set: a folder that never changes, named by the hash of its content.

films.parquet               every row: the film table, then the ratings by id
movie_ratings_simple.tsv    the rows that train: the film table, then the ratings not held out
manifest.json               a description of the content
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pandas as pd

from data import topics, wire
from data.checks import SCHEMA_VERSION
from data.corrections import Link, superseded
from data.durable import rename_durably, sync_folder, write_synced
from data.film_table import write_films
from data.films import Film, genre_slots, sorted_genres
from training.database import Database, connect
from training.dataset import FilmTable, load
from training.errors import SourceUnavailable
from training.retraining.shards import quoted

FILMS = "films.parquet"
TRAINING_ROWS = "movie_ratings_simple.tsv"
MANIFEST = "manifest.json"
TABLE, OWNER, SIMULATED = "table", "owner", "simulated"
_TRAINED = f"origin <> '{TABLE}' AND NOT held_out"
_ROWS_AT_ONCE = 10_000
# The columns of films.parquet.
_FACTS = "id, title, year, director, genre1, genre2, genre3, kind, stars, rating, votes"
_COLUMNS = f"{_FACTS}, origin, held_out, thing"
# Of films.parquet: 2 since it records which thing sent a rating and combinations are held out.
_LAYOUT = 2


class Counts(msgspec.Struct, frozen=True):
    """Counts of a training set's content.

    Attributes:
        objects: feedback objects processed.
        duplicates: objects whose rating was seen before, with the same content.
        rejects: objects that aren't ratings, or reuse an id with different content.
        table: films of the film table.
        owner, simulated: ratings in this set, by their source.
        left_out: simulated ratings that aren't in this set.
        corrected: ratings in whose place a later one of the same pick counts.
        withdrawn: ratings that their owners took back.
        trained, held_out: ratings in this set that train, and those that never do.
    """

    objects: int
    duplicates: int
    rejects: int
    table: int
    owner: int
    simulated: int
    left_out: int
    trained: int
    held_out: int
    corrected: int = 0
    withdrawn: int = 0


class SetManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a training set.

    Attributes:
        sha256: of everything below but `created_at`; its first 16 digits name the folder.
        films_sha256: of the film table.
        ratings_sha256: of the ratings' ids and contents, in the ids' order.
        layout: of the set's files.
        holds_out: False if all its ratings train, because those held out are kept elsewhere.
    """

    sha256: str
    films_sha256: str
    ratings_sha256: str
    include_simulated: bool
    counts: Counts
    created_at: str
    layout: int = 1
    holds_out: bool = True
    schema_version: int = SCHEMA_VERSION


class TrainingSet:
    """A training set on disk.

    Attributes:
        folder: where it is.
        manifest: its description.
    """

    def __init__(self, folder: Path) -> None:
        """Read the manifest of the set in `folder`.

        Raises:
            SourceUnavailable: it isn't a training set.
        """
        self.folder = folder
        try:
            raw = (folder / MANIFEST).read_bytes()
            self.manifest = msgspec.json.decode(raw, type=SetManifest)
        except OSError as error:
            raise SourceUnavailable(f"{folder}: isn't a training set ({error})") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            why = wire.refusal(error, MANIFEST)
            raise SourceUnavailable(f"{folder}: isn't a training set ({why})") from error

    def training(self) -> FilmTable:
        """Return the films that train: those of the table first, in its order."""
        return load("tsv", self.folder / TRAINING_ROWS, allowed_bad_share=0.0)

    def table(self) -> list[Film]:
        """Return the films of the film table, in its order."""
        return list(self._films(f"origin = '{TABLE}'"))

    def held_out(self) -> list[Film]:
        """Return the rated films that never train, by id."""
        return list(self._films("held_out"))

    def held_out_things(self) -> list[str]:
        """Return the things that sent the ratings of `held_out`, in the same order."""
        return self._things("held_out")

    def trained(self) -> list[Film]:
        """Return the rated films that train, by id."""
        return list(self._films(_TRAINED))

    def trained_things(self) -> list[str]:
        """Return the things that sent the ratings of `trained`, in the same order."""
        return self._things(_TRAINED)

    def rated_directors(self) -> set[str]:
        """Return the directors of the ratings that train."""
        return {film.director for film in self._films(_TRAINED)}

    def _things(self, where: str) -> list[str]:
        path = quoted(self.folder / FILMS)
        with connect(Path(tempfile.gettempdir()), ordered=True) as database:
            rows = database.execute(f"SELECT thing FROM read_parquet('{path}') WHERE {where}")
            return [thing for (thing,) in rows.fetchall()]

    def _films(self, where: str) -> Iterator[Film]:
        # Nothing is sorted or joined, so nothing spills there.
        with connect(Path(tempfile.gettempdir()), ordered=True) as database:
            yield from films_of(
                database, f"FROM read_parquet('{quoted(self.folder / FILMS)}') WHERE {where}"
            )


def films_of(database: Database, rows: str) -> Iterator[Film]:
    """Yield the films of a query's rows, which begins with FROM."""
    found = database.execute(
        f"SELECT title, year, director, genre1, genre2, genre3, kind, stars, rating, votes {rows}"
    )
    while some := found.fetchmany(_ROWS_AT_ONCE):
        for title, year, director, *slots, kind, stars, rating, votes in some:
            yield Film(title, year, director, sorted_genres(slots), kind, stars, rating, votes)


def write_set(
    sets: Path,
    table: FilmTable,
    shards: Sequence[Path],
    *,
    include_simulated: bool,
    hold_out: bool = True,
    taken: tuple[int, int, int],
    scratch: Path,
) -> TrainingSet:
    """Return the training set of a film table and shards; an existing one is reused.

    Args:
        sets: the folder of all sets.
        table: the film table.
        shards: the ratings.
        include_simulated: whether to include simulated ratings.
        hold_out: whether to hold out a tenth of the combinations; otherwise every rating trains.
        taken: how many objects, duplicates and rejects there were.
        scratch: a folder to spill to.
    """
    with connect(scratch, memory_limit="400MB") as database:
        _register(database, table, shards, include_simulated, hold_out)
        manifest = _manifest(database, table, include_simulated, hold_out, taken)
        folder = sets / manifest.sha256[:16]
        if not (folder / MANIFEST).exists():
            fresh = sets / f".{folder.name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            _write_rows(database, fresh, table.films)
            raw = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
            write_synced(fresh / MANIFEST, raw)
            sync_folder(fresh)
            fresh.rename(folder)
            sync_folder(sets)
    return TrainingSet(folder)


def _register(
    database: Database,
    table: FilmTable,
    shards: Sequence[Path],
    include_simulated: bool,
    hold_out: bool,
) -> None:
    """Create the views of films and ratings.

    `films` are the table's, `records` all that devices sent, `all_ratings` those of them that
    count, and `ratings` those that are in the set.
    """
    rows = [
        (
            topics.film_key(f.title, f.year, f.director),
            *(f.title, f.year, f.director, *genre_slots(f.genres), f.kind, f.stars),
            *(f.rating, f.votes, place),
        )
        for place, f in enumerate(table.films)
    ]
    frame = pd.DataFrame(rows, columns=[*_FACTS.split(", "), "place"])
    frame["votes"] = frame["votes"].astype("Int64")
    frame["rating"] = frame["rating"].astype(float)
    database.register("films", frame)
    if shards:
        paths = ", ".join(f"'{quoted(path)}'" for path in shards)
        chosen = f"* REPLACE (held_out AND {str(hold_out).lower()} AS held_out)"
        database.execute(f"CREATE VIEW records AS SELECT {chosen} FROM read_parquet([{paths}])")
    else:
        database.execute(
            "CREATE VIEW records AS SELECT *, '' AS sha256, '' AS origin, false AS held_out, "
            "'' AS thing, '' AS pick_id, NULL AS replaces, '' AS journal, 0 AS number "
            "FROM films WHERE false"
        )
    database.register("superseded", pd.DataFrame({"id": _superseded(database)}, dtype=str))
    database.execute(
        "CREATE VIEW all_ratings AS SELECT * FROM records "
        "ANTI JOIN superseded USING (id) WHERE stars IS NOT NULL"
    )
    kept = "true" if include_simulated else f"origin = '{OWNER}'"
    database.execute(
        f"CREATE VIEW ratings AS SELECT *, NULL AS votes FROM all_ratings WHERE {kept}"
        if shards
        else "CREATE VIEW ratings AS SELECT * FROM all_ratings"
    )


def _superseded(database: Database) -> list[str]:
    """Return the ids of the ratings in whose place another one counts.

    Few are ever corrected, so only the records of corrected ones are read.
    """
    found = database.execute(
        "SELECT id, pick_id, origin, replaces, journal, number FROM records SEMI JOIN "
        "(SELECT pick_id, origin FROM records WHERE replaces IS NOT NULL) USING (pick_id, origin)"
    )
    return sorted(superseded(Link(*row) for row in found.fetchall()))


def _manifest(
    database: Database,
    table: FilmTable,
    include_simulated: bool,
    hold_out: bool,
    taken: tuple[int, int, int],
) -> SetManifest:
    facts: dict[str, object] = {
        "films_sha256": table.sha256,
        "ratings_sha256": _ratings_sha256(database),
        "include_simulated": include_simulated,
        "layout": _LAYOUT,
        "counts": _counts(database, table, taken),
    }
    if not hold_out:
        facts["holds_out"] = False
    sha256 = hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return msgspec.convert({**facts, "sha256": sha256, "created_at": now}, type=SetManifest)


def _counts(database: Database, table: FilmTable, taken: tuple[int, int, int]) -> dict[str, int]:
    (row,) = database.execute(
        f"""SELECT count(*) FILTER (origin = '{OWNER}'), count(*) FILTER (origin = '{SIMULATED}'),
                   count(*) FILTER (NOT held_out), count(*) FILTER (held_out) FROM ratings"""
    ).fetchall()
    ((all_ratings,),) = database.execute("SELECT count(*) FROM all_ratings").fetchall()
    ((corrected, withdrawn),) = database.execute(
        "SELECT (SELECT count(*) FROM superseded), (SELECT count(*) FROM records"
        " ANTI JOIN superseded USING (id) WHERE stars IS NULL)"
    ).fetchall()
    objects, duplicates, rejects = taken
    owner, simulated, trained, held = row
    return {
        "objects": objects,
        "duplicates": duplicates,
        "rejects": rejects,
        "table": len(table.films),
        "owner": owner,
        "simulated": simulated,
        "left_out": all_ratings - owner - simulated,
        "trained": trained,
        "held_out": held,
        "corrected": corrected,
        "withdrawn": withdrawn,
    }


def _ratings_sha256(database: Database) -> str:
    digest = hashlib.sha256()
    found = database.execute("SELECT id, sha256 FROM ratings ORDER BY id")
    while some := found.fetchmany(_ROWS_AT_ONCE):
        digest.update("".join(f"{rating_id} {sha256}\n" for rating_id, sha256 in some).encode())
    return digest.hexdigest()


def _write_rows(database: Database, folder: Path, films: Sequence[Film]) -> None:
    path = folder / FILMS
    fresh = path.with_name(f".{path.name}.new")
    database.execute(
        f"""COPY (
            SELECT {_COLUMNS} FROM (
                SELECT *, '{TABLE}' AS origin, false AS held_out, '' AS thing FROM films
                UNION ALL BY NAME
                SELECT {_COLUMNS}, row_number() OVER (ORDER BY id) + {len(films)} AS place
                FROM ratings
            ) ORDER BY place
        ) TO '{quoted(fresh)}' (FORMAT parquet, COMPRESSION zstd)"""
    )
    rename_durably(fresh, path)
    rated = films_of(database, "FROM ratings WHERE NOT held_out ORDER BY id")
    write_films(folder / TRAINING_ROWS, itertools.chain(films, rated))
