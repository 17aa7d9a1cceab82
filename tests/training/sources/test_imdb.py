"""The source `imdb`: four tables in a folder become films, and nothing is guessed."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.film_table import BadRow, is_film
from training.cli import app
from training.errors import SourceUnavailable
from training.sources import imdb
from training.sources.options import Options

CAMPAIGNS = Path(__file__).parents[2] / "campaigns"


HEADERS = {name: "\t".join(columns) for name, columns in imdb.FILES.items()}


# Every row by hand: number, type, title, year, genres | directors | rating, votes
TITLES = {
    "title.basics": [
        'tt0000003\tmovie\tThree "Quotes\t\\N\t0\t1999\t\\N\t90\tDrama,Comedy,Action,Crime',
        "tt0000001\tmovie\tOne\tUno\t0\t1990\t\\N\t90\tDrama",
        "tt0000002\tvideo\tTwo\tTwo\t0\t1990\t\\N\t90\tAction",
        "tt0000004\ttvSeries\tFour\tFour\t0\t1990\t1991\t90\tDrama",
        "tt0000005\ttvMovie\tFive\tFive\t0\t2001\t\\N\t\\N\tDrama",
        "tt0000006\tvideoGame\tSix\tSix\t0\t2002\t\\N\t\\N\tAction",
        "tt0000007\tmovie\tSeven\tSeven\t0\t\\N\t\\N\t\\N\tDrama",
        "tt0000008\tmovie\tEight\tEight\t0\t2003\t\\N\t\\N\t\\N",
        "tt0000009\tmovie\tNine\tNine\t0\t2004\t\\N\t\\N\tDrama",
        "tt0000010\tmovie\tTen\tTen\t0\t2005\t\\N\t\\N\tDrama",
        "tt0000011\tmovie\tCafe\u0301\tx\t0\t2006\t\\N\t\\N\tDrama",
    ],
    "title.crew": [
        "tt0000001\tnm2,nm1\t\\N",
        "tt0000002\tnm9,nm1\tnm1",  # nm9 has no name: the first *named* director counts
        "tt0000003\tnm1\t\\N",
        "tt0000004\tnm1\t\\N",
        "tt0000005\tnm1\t\\N",
        "tt0000006\tnm2\t\\N",
        "tt0000007\tnm1\t\\N",
        "tt0000008\tnm1\t\\N",
        "tt0000009\t\\N\t\\N",
        "tt0000010\tnm1\t\\N",
        "tt0000011\tnm3\t\\N",
    ],
    "title.ratings": [
        "tt0000001\t6.5\t1501",
        "tt0000002\t7.5\t2000",
        "tt0000003\t10.0\t90000",
        *(f"tt{n:07d}\t5.1\t2000" for n in (4, 5, 6, 7, 8, 9, 11)),
        "tt0000010\t9.9\t1500",
    ],
    "name.basics": [
        "nm1\tAda Lo\t1900\t\\N\tdirector\ttt0000001",
        'nm2\tBo "Bobby" Ny\t\\N\t\\N\t\\N\t\\N',
        "nm3\tZoe\u0308 Q\t\\N\t\\N\t\\N\t\\N",
    ],
}


def lay(folder, **changed):
    """Write the four files, name.basics packed; `changed` replaces one, by name with `_`."""
    for name, rows in TITLES.items():
        text = changed.get(name.replace(".", "_"), "\n".join([HEADERS[name], *rows]) + "\n")
        if name == "name.basics":
            with gzip.open(folder / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
                file.write(text)
        else:
            (folder / f"{name}.tsv").write_text(text, encoding="utf-8")
    return folder


def read(folder, **options):
    rows = list(imdb.read_rows(folder, Options(**options)))
    return [row for row in rows if is_film(row)], [row for row in rows if not is_film(row)]


def test_films_come_by_year_and_number_with_first_named_director_and_kind(tmp_path):
    films, _ = read(lay(tmp_path))
    assert [(f.title, f.year, f.director, f.kind) for f in films] == [
        ("One (1990)", 1990, 'Bo "Bobby" Ny', "film"),
        ("Two (1990) (V)", 1990, "Ada Lo", "video"),
        ('Three "Quotes (1999)', 1999, "Ada Lo", "film"),
        ("Five (2001) (TV)", 2001, "Ada Lo", "tv"),
        ("Six (2002) (VG)", 2002, 'Bo "Bobby" Ny', "game"),
        ("Café (2006)", 2006, "Zoë Q", "film"),
    ]


def test_stars_round_half_to_even_and_genres_are_the_first_three_sorted(tmp_path):
    films = {film.year: film for film in read(lay(tmp_path))[0] if film.kind == "film"}
    assert (films[1990].stars, films[1990].rating, films[1990].votes) == (6, 6.5, 1501)
    assert (films[1999].stars, films[1999].genres) == (10, ("Action", "Comedy", "Drama"))


def test_more_than_1500_votes_count_and_another_threshold_can_be_asked_for(tmp_path):
    lay(tmp_path)
    assert "Ten (2005)" not in [film.title for film in read(tmp_path)[0]]
    assert "Ten (2005)" in [film.title for film in read(tmp_path, min_votes=1499)[0]]
    assert [film.title for film in read(tmp_path, min_votes=50_000)[0]] == ['Three "Quotes (1999)']


def test_a_row_that_is_not_a_film_is_reported_with_its_number_and_reason(tmp_path):
    _, bad = read(lay(tmp_path))
    assert [(row.line, row.reason.split()[0]) for row in bad] == [
        (8, "`genres`"),
        (9, "`director`"),
        (7, "`year`"),
    ]
    assert all(isinstance(row, BadRow) and row.cells for row in bad)


def test_a_missing_file_is_named_with_the_way_to_get_it(tmp_path):
    lay(tmp_path)
    (tmp_path / "title.crew.tsv").unlink()
    with pytest.raises(SourceUnavailable, match=r"lacks title\.crew\.tsv.*--download"):
        read(tmp_path)


def test_other_columns_are_refused_and_not_guessed(tmp_path):
    lay(tmp_path, title_ratings="tconst\tnumVotes\taverageRating\ntt0000001\t1501\t6.5\n")
    with pytest.raises(SourceUnavailable, match=r"title\.ratings.*numVotes, averageRating"):
        read(tmp_path)


def test_text_in_place_of_a_number_is_refused_and_quoted(tmp_path):
    rows = "tt0000001\tsix\t1501\n"
    lay(tmp_path, title_ratings=f"{HEADERS['title.ratings']}\n{rows}")
    with pytest.raises(SourceUnavailable, match="six"):
        read(tmp_path)


def test_a_title_with_a_malformed_id_is_refused_and_quoted(tmp_path):
    lay(
        tmp_path,
        title_basics=f"{HEADERS['title.basics']}\nttX\tmovie\tX\tX\t0\t1990\t\\N\t90\tDrama\n",
        title_ratings=f"{HEADERS['title.ratings']}\nttX\t6.5\t1501\n",
    )
    with pytest.raises(SourceUnavailable, match="'X'"):
        read(tmp_path)


def test_a_torn_gzip_file_is_refused(tmp_path):
    lay(tmp_path)
    torn = tmp_path / "name.basics.tsv.gz"
    torn.write_bytes(torn.read_bytes()[:-20])
    with pytest.raises(SourceUnavailable):
        read(tmp_path)


def test_the_command_writes_the_film_table(tmp_path):
    lay(tmp_path)
    out = tmp_path / "films.csv"
    command = ["dataset", "--source", "imdb", "--ratings", str(tmp_path), "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--allow-bad", "0.5"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert out.read_text("utf-8").splitlines()[1] == (
        'One (1990),1990,"Bo ""Bobby"" Ny",Drama,None,None,6,6.5,1501'
    )
    assert "genres" in (tmp_path / "films.rejects.csv").read_text("utf-8")


def test_download_belongs_to_the_source_imdb_only(tmp_path):
    command = ["dataset", "--source", "sample", "--download", "--out", str(tmp_path / "films.csv")]
    assert CliRunner().invoke(app, command).exit_code == 2


def test_the_big_data_campaign_holds_in_small(tmp_path):
    done = subprocess.run(
        [sys.executable, CAMPAIGNS / "big_data.py", "60000", tmp_path],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "-> 449 films" in done.stdout
