"""The film table: what the interchange file can contain, and what it can't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InvalidRecord
from data.film_table import BadRow, TableUnreadable, film_of, is_film, read_rows, write_films
from data.films import Film, kind_of, normalise

HEADER = "title,year,Director1,Genre1,Genre2,Genre3,stars"


def rows_of(tmp_path, text, name="films.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(path))


def test_commas_quotes_ranges_marks_and_foreign_letters_are_read(tmp_path):
    text = (
        "\ufeff" + HEADER + "\n"
        '"Good, the Bad and the ""Ugly"", The",1966,Sergio Leone,Western,None,None,9\n'
        "Le Bonheur,1965,Agne\u0300s Varda,Drama,Romance,None,8\n"
        "Serial,1994-1998,Someone,Comedy,Comedy,None,5\n"
        "Open,2001–,Someone,None,Drama,None,5\n"
    )
    first, second, third, fourth = rows_of(tmp_path, text)
    assert first.title == 'Good, the Bad and the "Ugly", The'
    assert second.director == "Agnès Varda" == normalise(second.director)
    assert (third.year, third.genres) == (1994, ("Comedy",))
    assert (fourth.year, fourth.genres) == (2001, ("Drama",))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A,19x4,D,Drama,None,None,5", "year"),
        ("A,1994,D,Drama,None,None,11", "stars"),
        ("A,1994,D,Drama,None,None,5.5", "stars"),
        ("A,1994,D,Drama,None,None,nan", "stars"),
        ("A,1994,D,None,None,None,5", "genres"),
        ("A,1994,None,Drama,None,None,5", "director"),
        (",1994,D,Drama,None,None,5", "title"),
        ("A,1994,D,Drama,5", "5 cells"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_the_next_is_read(tmp_path, row, reason):
    bad, good = rows_of(tmp_path, f"{HEADER}\n{row}\nB,1999,D,Drama,None,None,5\n")
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert is_film(good)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"title,year\n", "Director1"),
        (b"", "title"),
        (HEADER.encode() + b"\nCaf\xe9,1994,D,Drama,None,None,5\n", "UTF-8"),
        (HEADER.encode() + b'\n"A,1994', "line"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_reason(tmp_path, content, reason):
    with pytest.raises(TableUnreadable, match=reason):
        rows_of(tmp_path, content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableUnreadable, match=r"nowhere\.csv"):
        list(read_rows(tmp_path / "nowhere.csv"))


NAMES = (
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
    .map(normalise)
    .filter(lambda name: name and name != "None")
)


@given(
    rows=st.lists(
        st.tuples(
            NAMES,
            st.integers(1900, 2100),
            NAMES,
            st.sets(NAMES, min_size=1, max_size=3),
            st.integers(1, 10),
            st.none() | st.floats(1, 10),
        ),
        max_size=5,
    ),
    suffix=st.sampled_from([".csv", ".tsv"]),
)
def test_a_table_is_read_as_it_was_written(tmp_path_factory, rows, suffix):
    films = [
        Film(title, year, director, tuple(sorted(genres)), kind_of(title), stars, rating)
        for title, year, director, genres, stars, rating in rows
    ]
    path = tmp_path_factory.mktemp("table") / f"films{suffix}"
    assert write_films(path, films) == len(films)
    assert list(read_rows(path)) == films


def test_optional_columns_are_read():
    cells = dict(
        zip(HEADER.split(","), ["A", "1994", "D", "Drama", "None", "None", "7"], strict=True)
    )
    film = film_of(cells | {"rating": "7.3", "votes": "1200"})
    assert (film.rating, film.votes) == (7.3, 1200)
    with pytest.raises(InvalidRecord, match="rating"):
        film_of(cells | {"rating": "seven"})
