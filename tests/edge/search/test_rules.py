"""Rules hold exactly: against every combination listed, asked of the rule's words, and scored."""

import csv
import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.films import KINDS, Combination, genre_slots
from edge.search.among import best_among
from edge.search.drawn_slate import EmptySlate, draw_slate
from edge.search.pick import choose, choose_among, choose_drawn
from edge.search.rules import MOST_RULES, RuleError, allows, bans_of, parse
from edge.search.slate import Directors, Genres, InvalidSlate, Slate, Years

from .made_up import model as made_up_model
from .plain import best_of, combinations_of, different_of

pytestmark = pytest.mark.numeric

MODEL = made_up_model(11, directors=40, genres=6, years=20, kinds=("film", "tv"))
NAMES = [entry.name for entry in MODEL.catalogue.directors]
LARGE = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def quoted(name):
    return f'"{name}"'


@st.composite
def conditions(draw, catalogue):
    """Draw a condition as words and as a test of one film, written here on its own."""
    about = draw(st.sampled_from(["genres", "director", "year"]))
    if about == "year":
        year = draw(st.integers(catalogue.years.first, catalogue.years.last + 3))
        words, holds = draw(
            st.sampled_from(
                [
                    (f"before {year}", lambda film: film.year < year),
                    (f"after {year}", lambda film: film.year > year),
                    (f"{year}", lambda film: film.year == year),
                ]
            )
        )
        return words, holds
    known = list(catalogue.genres) if about == "genres" else [e.name for e in catalogue.directors]
    names = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
    words = draw(st.sampled_from([" or ", ", "])).join(map(quoted, names))
    if about == "genres":
        return words, lambda film: any(genre in names for genre in film.genres)
    return words, lambda film: film.director in names


@st.composite
def rules(draw, catalogue):
    """Draw a rule as a sentence and as a test of what it forbids."""

    def some():
        drawn = draw(st.lists(conditions(catalogue), min_size=1, max_size=2))
        words = " and ".join(words for words, _ in drawn)
        return words, lambda film: all(holds(film) for _, holds in drawn)

    kind = draw(st.sampled_from(["then", "then not", "never", "at most"]))
    if kind == "at most":
        most = draw(st.integers(0, 2))
        names = draw(
            st.lists(st.sampled_from(list(catalogue.genres)), min_size=1, max_size=4, unique=True)
        )
        text = f"at most {most} of {', '.join(names)}"
        return text, lambda film: sum(genre in names for genre in film.genres) > most
    what, holds = some()
    if kind == "never":
        return f"never {what}", holds
    premise, given_ = some()
    if kind == "then":
        return f"if {premise} then {what}", lambda film: given_(film) and not holds(film)
    return f"if {premise} then not {what}", lambda film: given_(film) and holds(film)


@pytest.mark.parametrize("with_tables", [True, False])
@pytest.mark.parametrize("repeat", [True, False])
def test_of_equal_films_the_first_calendar_year_wins_though_rules_move_years(with_tables, repeat):
    """To the model 2001 and 2002 are one; the rule leaves GA only 2002, so GB in 2001 is first."""
    model = made_up_model(
        0, directors=1, genres=2, years=1, spread=0, with_tables=with_tables, kinds=("film", "tv")
    )
    slate = Slate(kinds=KINDS, rules=('if "GA" then after 2001',))
    best = choose(model, slate, 1, differ=(), repeat_directors=repeat, explained=False).picks[0]
    assert (best.year, best.genres) == (2001, ("GB",))


@LARGE
@given(st.data())
def test_the_best_under_any_rules_is_what_scoring_every_allowed_row_finds(data):
    model = made_up_model(
        data.draw(st.integers(0, 10**6)),
        directors=data.draw(st.integers(1, 5)),
        genres=data.draw(st.integers(1, 4)),
        years=data.draw(st.integers(1, 6)),
        spread=data.draw(st.sampled_from([3000, 2, 0])),
        with_tables=data.draw(st.sampled_from([True, True, False])),
        kinds=("film", "tv"),
    )
    catalogue = model.catalogue
    drawn = data.draw(st.lists(rules(catalogue), max_size=4))
    span = data.draw(
        st.sampled_from(
            [Years(), Years(every=True), Years(first=2001, last=catalogue.years.last + 4)]
        )
    )
    slate = Slate(
        years=span,
        kinds=KINDS,
        plausible=data.draw(st.booleans()),
        rules=tuple(text for text, _ in drawn),
    )

    def forbids(film):
        return any(against(film) for _, against in drawn)

    every = combinations_of(slate, catalogue, forbids=forbids)
    k = data.draw(st.sampled_from([1, 3, 20]))
    differ = data.draw(
        st.sampled_from([(), ("director",), ("year",), ("genres",), ("director", "genres")])
    )
    if not every:
        with pytest.raises(InvalidSlate, match="Nothing matches"):
            choose(model, slate, k, differ=differ)
        return
    answer = choose(model, slate, k, differ=differ, repeat_directors=True, explained=False)
    wanted = (
        different_of(model, every, k, differ, alike=True)
        if differ
        else best_of(model, every, k, True)
    )
    assert answer.space.size == len(every)
    assert [pick.combination for pick in answer.picks] == [film for film, _ in wanted]
    assert [pick.prediction for pick in answer.picks] == [said for _, said in wanted]


@LARGE
@given(st.data())
def test_a_slate_of_36_keeps_the_rules(data):
    drawn = data.draw(st.lists(rules(MODEL.catalogue), min_size=1, max_size=3))
    slate = Slate(
        sample=data.draw(st.sampled_from(["next", "any"])),
        directors=Directors(active_within=100),
        kinds=KINDS,
        rules=tuple(text for text, _ in drawn),
    )
    try:
        found = draw_slate(MODEL, slate, random.Random(1))
    except EmptySlate:
        return
    for option in found.options:
        assert not any(against(option.combination) for _, against in drawn)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_best_of_a_file_is_the_best_of_its_rows(data, tmp_path_factory):
    spread = data.draw(st.sampled_from([3000, 1]))
    model = made_up_model(data.draw(st.integers(0, 10**6)), directors=5, genres=4, spread=spread)
    catalogue = model.catalogue
    names = [*(entry.name for entry in catalogue.directors), "Nobody Known"]
    films = data.draw(
        st.lists(
            st.builds(
                Combination,
                st.sampled_from(names),
                st.integers(1990, 2030),
                st.lists(
                    st.sampled_from([*catalogue.genres, "Unheard of"]),
                    min_size=1,
                    max_size=3,
                    unique=True,
                ).map(lambda genres: tuple(sorted(genres))),
            ),
            min_size=1,
            max_size=60,
        )
    )
    file = tmp_path_factory.mktemp("rows") / "films.csv"
    write_rows(file, films)
    drawn = data.draw(st.lists(rules(catalogue), max_size=2))
    bans, wrong = bans_of(
        [text for text, _ in drawn], catalogue.genres, [e.name for e in catalogue.directors]
    )
    assert not wrong
    allowed = {film for film in films if not any(against(film) for _, against in drawn)}
    k = data.draw(st.integers(1, 8))
    differ = data.draw(st.sampled_from([(), ("director",), ("year",), ("director", "genres")]))
    among = best_among(model, file, k, differ=differ, bans=bans)
    wanted = different_of(model, list(allowed), k, differ)
    assert [row.film for row in among.best] == [film for film, _ in wanted]
    assert among.rows == len(films)


def write_rows(path, films):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3"])
        for number, film in enumerate(films):
            slots = genre_slots(film.genres)
            writer.writerow([f"Film {number}", film.year, film.director, *slots])


def test_a_file_of_many_blocks_is_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.search.among.MAX_ROWS", 7)
    films = [
        Combination(NAMES[n % 40], 2000 + n % 17, (MODEL.catalogue.genres[n % 6],))
        for n in range(500)
    ]
    write_rows(tmp_path / "films.csv", films)
    answer = choose_among(MODEL, tmp_path / "films.csv", 3, differ=())
    wanted = best_of(MODEL, list(set(films)), 3, True)
    assert [pick.combination for pick in answer.picks] == [film for film, _ in wanted]
    assert answer.picks[0].title.startswith("Film ")
    assert (answer.space.size, answer.searched) == (500, "file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no Horror please", "begins with neither"),
        ("if GA", "“if” without a “then”"),
        ("if GA then", "lacks a name after “then”"),
        ("never", "lacks a name after “never”"),
        ("at most two of GA", "needs a number"),
        ("at most 1 of 1999", "counts years"),
        ("never GA or before 1990", "joined by “or”"),
        ('never "GA', "quotation mark"),
        ("if GA then GB then GC", "“then” where a name belongs"),
        ("never " + "x" * 600, "longer than"),
    ],
)
def test_a_sentence_that_is_not_a_rule_is_refused_with_the_reason(text, said):
    with pytest.raises(RuleError, match=said):
        parse(text)


def test_all_problems_of_a_slate_are_reported_at_once():
    slate = Slate(
        directors=Directors(names=("Nobody", NAMES[3]), draw=0),
        genres=Genres(allowed=("GZ",), at_most=7),
        years=Years(first=2010, last=2001),
        rules=("never GY", f"never GA or {NAMES[0]}", "at most 1 of GA, GB"),
    )
    with pytest.raises(InvalidSlate) as refused:
        choose(MODEL, slate)
    said = refused.value.problems
    assert len(said) == 7
    for part in ("'Nobody'", "'GZ'", "not at most 7", "comes after", "'GY'", "Draw at least"):
        assert any(part in problem for problem in said)
    assert any("genres and directors joined" in problem for problem in said)


def test_all_problems_of_a_toml_slate_are_reported_at_once():
    with pytest.raises(InvalidSlate) as refused:
        Slate.from_toml("""
            kinds = ["opera"]
            ruels = ["never GA"]
            rules = [1]
            [years]
            first = "early"
            [genres]
            at_most = true
            [[leave_out]]
            director = "X"
            year = 1999
        """)
    said = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 6
    for part in (
        "`kinds`: 'opera' isn't one of film, tv, video and game",
        "`ruels`: there's no such entry; did you mean `rules`?",
        "`rules`: give text in quotes in the list",
        "`first` in [years]: give a whole number, not 'early'",
        "`at_most` in [genres]: give a whole number",
        "`genres` in [leave_out, number 1] is missing",
    ):
        assert part in said


def test_when_a_rule_leaves_nothing_it_is_named():
    slate = Slate(
        genres=Genres(required=("GA",)),
        years=Years(every=True),
        plausible=False,
        rules=("at most 1 of GB, GC", "if GA then not after 1900"),
    )
    with pytest.raises(InvalidSlate, match="Without the rule “if GA then not after 1900” it"):
        choose(MODEL, slate)
    with pytest.raises(EmptySlate, match="Without the rule “never GA or GB or GC or GD or GE or"):
        draw_slate(
            MODEL,
            Slate(sample="any", rules=("never GA or GB or GC or GD or GE or GF",)),
            random.Random(0),
        )


def test_what_was_made_is_named_when_it_is_all_there_was():
    model = made_up_model(5, directors=1, genres=1, years=1)
    every = combinations_of(Slate.everything(), model.catalogue)
    with pytest.raises(InvalidSlate, match="Without leaving out what was already made it would"):
        choose(model, Slate.everything(), leave_out=every)


def test_films_of_a_slate_may_differ_in_any_choice():
    slate = draw_slate(MODEL, Slate(sample="any"), random.Random(4))
    answer = choose_drawn(MODEL, slate, 4, differ=("genres",))
    assert len({pick.genres for pick in answer.picks}) == len(answer.picks) == 4
    both = choose_drawn(MODEL, slate, 4, differ=("director", "genres"))
    assert len({pick.genres for pick in both.picks}) == 3
    assert "only 3 films that differ in director and genres" in both.warnings[-1]


@pytest.mark.parametrize("differ", [("year",), ("genres",), ("director", "year", "genres")])
def test_what_an_exact_search_lists_differs_as_asked(differ):
    picks = choose(MODEL, Slate(), 3, differ=differ).picks
    assert len(picks) == 3
    for choice in differ:
        assert len({getattr(pick, choice) for pick in picks}) == 3, choice


def test_too_many_rules_are_refused():
    with pytest.raises(InvalidSlate, match=f"{MOST_RULES} at most"):
        choose(MODEL, Slate(rules=("never GA",) * (MOST_RULES + 1)))


# docs/picking.md: every rule in it can be read, and means what its words say.
_PAGE = (Path(__file__).parents[3] / "docs/picking.md").read_text("utf-8")
_GENRES = ("Crime", "Family", "Horror", "Mystery", "Thriller")
_DIRECTORS = ("Ed Wood", "Quentin Tarantino", "Uwe Boll", "Woody Allen")
# For each rule of the page, a film it forbids and one it allows.
_FILMS = {
    "if Horror then not Family": (("A", 1990, "Family", "Horror"), ("A", 1990, "Horror")),
    "if Horror and before 1980 then Thriller or Mystery": (
        ("A", 1979, "Horror"),
        ("A", 1979, "Horror", "Mystery"),
    ),
    "if Quentin Tarantino then Crime": (
        ("Quentin Tarantino", 2000, "Family"),
        ("Quentin Tarantino", 2000, "Crime", "Family"),
    ),
    "never Uwe Boll, Ed Wood": (("Ed Wood", 2000, "Family"), ("Woody Allen", 2000, "Family")),
    "never Woody Allen and after 2020": (
        ("Woody Allen", 2021, "Family"),
        ("Woody Allen", 2020, "Family"),
    ),
    "at most 1 of Horror, Thriller, Crime": (
        ("A", 1990, "Crime", "Horror"),
        ("A", 1990, "Crime", "Family"),
    ),
}


def test_the_pages_rules_mean_what_it_says():
    assert re.findall(r"^\| `([^`]+)` \|", _PAGE, re.MULTILINE) == list(_FILMS)
    for rule, (forbidden, allowed) in _FILMS.items():
        bans, wrong = bans_of([rule], _GENRES, _DIRECTORS)
        assert not wrong
        assert not allows(bans, Combination(*forbidden[:2], tuple(forbidden[2:])))
        assert allows(bans, Combination(*allowed[:2], tuple(allowed[2:])))


def test_names_in_rules_may_be_typed_in_any_case():
    plain, wrong = bans_of(["if Horror then not Family", "never Uwe Boll"], _GENRES, _DIRECTORS)
    typed, _ = bans_of(["if horror then not FAMILY", "never uwe boll"], _GENRES, _DIRECTORS)
    assert not wrong
    assert typed == plain
