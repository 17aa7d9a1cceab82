"""Names are found as people type them."""

from __future__ import annotations

import pytest

from data.catalogue import Catalogue, DirectorEntry, Titles, YearRange
from edge.appliance.directors import DirectorIndex
from edge.page.port import MOST_DIRECTORS_FOUND

NAMES = {
    "Agnès Varda": 20,
    "Nagisa Ōshima": 9,
    "Pedro Almodóvar": 22,
    "Ana de Armas": 1,
    "Paul O'Hara": 3,
    "Varda Bar-Kar": 2,
    "李 安": 12,
    **{f"Director {n:02d}": n for n in range(40)},
}
INDEX = DirectorIndex(
    Catalogue(
        genres=("Drama",),
        directors=tuple(
            DirectorEntry(name, films, 1960, 2000, (0,), ("film",))
            for name, films in sorted(NAMES.items())
        ),
        years=YearRange(1950, 2030),
        training_years=YearRange(1950, 2020),
        titles=Titles((), ()),
        background=(),
    )
)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("agnes", "Agnès Varda"),
        ("OSHIMA", "Nagisa Ōshima"),
        ("pedro alm", "Pedro Almodóvar"),
        ("alm ped", "Pedro Almodóvar"),
        ("ohara", "Paul O'Hara"),
        ("o\u2019hara", "Paul O'Hara"),
        ("李", "李 安"),
        ("varda", "Varda Bar-Kar"),
    ],
)
def test_the_beginning_of_any_word_finds_whatever_its_accents(typed, first):
    assert INDEX.search(typed)[0].name == first


def test_names_that_begin_so_come_first_then_those_with_more_films():
    assert [entry.name for entry in INDEX.search("varda")] == ["Varda Bar-Kar", "Agnès Varda"]
    found = INDEX.search("director")
    assert len(found) == MOST_DIRECTORS_FOUND
    assert [entry.films for entry in found] == sorted((e.films for e in found), reverse=True)


@pytest.mark.parametrize("typed", ["", " ", "...", "xyzzy", "arda", "\udcff", "a" * 10_000])
def test_what_matches_nothing_finds_nothing(typed):
    assert INDEX.search(typed) == []
