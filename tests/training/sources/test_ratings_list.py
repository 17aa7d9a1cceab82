"""The source `ratings-list`: the historical list, enriched by OMDb against a server like OMDb's."""

import gzip

import msgspec
import pytest
from typer.testing import CliRunner

from data.film_table import is_film
from training.cli import app
from training.errors import SourceUnavailable
from training.sources import omdb, ratings_list
from training.sources.options import Options

from . import omdb_server as server_of

LIST = """CRC: 0x1A2B3C4D  File: ratings.list  Date: Fri Nov 25 00:00:00 2016

TOP 250 MOVIES (25000+ VOTES)

New  Distribution  Votes  Rank  Title
      0000000125  1718411   9.3  The Shawshank Redemption (1994)

BOTTOM 10 MOVIES (1500+ VOTES)

New  Distribution  Votes  Rank  Title
  *   9.....0000    1501   1.5  Am\u00e9lie 2 (2008/II)

MOVIE RATINGS REPORT

New  Distribution  Votes  Rank  Title
      0000001222      11   7.5  "#1 Single" (2006) {Cats and Dogs (#1.4)}
      0000000124  999999   9.5  "Breaking Bad" (2008)
      0000000125  1718411   9.3  The Shawshank Redemption (1994)
      9.....0000    1501   1.5  Am\u00e9lie 2 (2008/II)
      0000001222    1500   8.8  Just Below (2001)
      0000001222    3000   6.5  Stargate: The Ark of Truth (2008) (V)
      0000001222    3000   6.5  Some Game (2005) (VG)
      0000001222    2000   6.5  No Year (????)
      this isn't a row at all

------------------------------------------------------------------------------

REPORT FORMAT

 In this list, movies have received at least 5 votes.
      0000001222   99999   6.5  Not A Film (2001)
"""


STARGATE = "Stargate: The Ark of Truth"


@pytest.fixture
def films_list(tmp_path):
    path = tmp_path / "ratings.list"
    path.write_text(LIST, encoding="latin-1")
    return path


def read(path, **options):
    rows = list(ratings_list.read_rows(path, Options(**options)))
    return [row for row in rows if is_film(row)], [row for row in rows if not is_film(row)]


def test_rows_between_header_and_footer_are_read_once_with_titles_as_they_stand(films_list):
    rows = [row for row in ratings_list.parse(films_list) if isinstance(row, ratings_list.Rated)]
    assert sorted({msgspec.structs.astuple(row)[1:] for row in rows}) == [
        ("Amélie 2 (2008/II)", "Amélie 2", 2008, "film", 1.5, 1501),
        ("Just Below (2001)", "Just Below", 2001, "film", 8.8, 1500),
        ("Some Game (2005) (VG)", "Some Game", 2005, "game", 6.5, 3000),
        (f"{STARGATE} (2008) (V)", STARGATE, 2008, "video", 6.5, 3000),
        ("The Shawshank Redemption (1994)", "The Shawshank Redemption", 1994, "film", 9.3, 1718411),
    ]


def test_a_malformed_row_is_reported_with_its_line_and_headings_are_not(films_list):
    bad = [row for row in ratings_list.parse(films_list) if not isinstance(row, ratings_list.Rated)]
    assert [(row.line, row.reason.split()[-1]) for row in bad] == [(23, "year"), (24, "table")]


def test_a_packed_list_reads_the_same(films_list, tmp_path):
    packed = tmp_path / "packed.list.gz"
    packed.write_bytes(gzip.compress(films_list.read_bytes()))
    assert list(ratings_list.parse(packed)) == list(ratings_list.parse(films_list))


@pytest.mark.parametrize("content", [b"", b"no list at all\n", b"title,year\nA,1990\n"])
def test_a_file_that_is_not_a_list_is_refused(tmp_path, content):
    path = tmp_path / "ratings.list"
    path.write_bytes(content)
    with pytest.raises(SourceUnavailable, match=r"is it IMDb's ratings\.list"):
        list(ratings_list.parse(path))


def test_a_torn_packed_list_is_refused(films_list, tmp_path):
    torn = tmp_path / "ratings.list.gz"
    torn.write_bytes(gzip.compress(films_list.read_bytes())[:-30])
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        list(ratings_list.parse(torn))


def test_films_over_the_threshold_are_enriched_most_voted_first(films_list, server):
    server.replies["Amélie 2"] = server_of.found("Jean-Pierre Jeunet, Other", "Romance, Comedy")
    films, _ = read(films_list)
    assert [film.title for film in films] == [
        "The Shawshank Redemption (1994)",
        "Some Game (2005) (VG)",
        "Stargate: The Ark of Truth (2008) (V)",
        "Amélie 2 (2008/II)",
    ]
    last = films[-1]
    assert (last.director, last.genres) == ("Jean-Pierre Jeunet", ("Comedy", "Romance"))
    assert (last.stars, last.rating, last.votes) == (2, 1.5, 1501)
    assert [fields["type"] for fields in server.asked] == ["movie", "game", "movie", "movie"]
    assert server.asked[-1]["y"] == "2008"


def test_a_film_that_omdb_does_not_know_is_a_bad_row_and_not_asked_again(films_list, server):
    server.replies["Some Game"] = server_of.UNKNOWN
    server.replies["Amélie 2"] = server_of.found(director="N/A")
    films, bad = read(films_list)
    assert len(films) == 2
    assert [row.reason for row in bad][-2:] == [
        "OMDb: Movie not found!",
        "`director` is empty; give its name",
    ]
    asked = len(server.asked)
    assert read(films_list) == (films, bad)
    assert len(server.asked) == asked


def test_without_a_key_the_message_says_where_one_belongs(films_list, server, monkeypatch):
    monkeypatch.setattr(omdb, "from_environment", lambda options: None)
    with pytest.raises(omdb.BadKey, match=r"4 of 4 films need.*OMDB_API_KEY.*--known-only"):
        read(films_list)
    assert server.asked == []


def test_replies_that_stay_broken_cost_one_film_and_two_lookups(films_list, server):
    server.replies["Some Game"] = server_of.BROKEN
    films, bad = read(films_list)
    assert len(films) == 3
    assert bad[-1].reason == "OMDb's replies are broken"
    assert server.names.count("Some Game") == 2


def test_no_network_is_reported_and_what_is_known_can_be_used(films_list, server):
    first = [server_of.found(), server_of.DOWN]
    server.replies["Some Game"] = server_of.DOWN
    server.replies["The Shawshank Redemption"] = first
    with pytest.raises(omdb.Unreachable, match="1 of 4 films are known"):
        read(films_list)
    films, bad = read(films_list, known_only=True)
    assert [film.title for film in films] == ["The Shawshank Redemption (1994)"]
    assert len(bad) == 2


@pytest.mark.usefixtures("server")
def test_progress_is_reported(films_list):
    steps = []
    read(films_list, progress=lambda step, done: steps.append((step, done)))
    assert steps == [("ask OMDb", n / 4) for n in range(5)]


@pytest.mark.usefixtures("server")
def test_the_command_enriches_and_writes_the_table(films_list, tmp_path):
    out = tmp_path / "films.csv"
    command = ["dataset", "--source", "ratings-list", "--ratings", str(films_list)]
    arguments = [*command, "--out", str(out), "--allow-bad", "0.5"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert len(out.read_text("utf-8").splitlines()) == 5
    assert "100% ask OMDb" in done.output
