"""The search finds the exact best, always: compared with ONNX Runtime scoring every row."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.films import KINDS
from edge.search.best import Search
from edge.search.pick import choose
from edge.search.search_space import SearchSpace
from edge.search.slate import Directors, Genres, InvalidSlate, LeftOut, Slate, Years

from .made_up import model as made_up_model
from .plain import best_of, combinations_of

pytestmark = pytest.mark.numeric


@st.composite
def models(draw, with_tables=True, lie=0):
    return made_up_model(
        seed=draw(st.integers(0, 2**32 - 1)),
        directors=draw(st.integers(1, 14)),
        genres=draw(st.integers(1, 6)),
        years=draw(st.integers(1, 12)),
        # Few different scores make many ties; none at all make everything a tie.
        spread=draw(st.sampled_from([3000, 2, 0])),
        with_tables=with_tables,
        lie=lie,
        kinds=("film", "tv"),
    )


@st.composite
def slates(draw, catalogue):
    def some(values, least=0):
        return tuple(draw(st.lists(st.sampled_from(list(values)), min_size=least, unique=True)))

    names = [entry.name for entry in catalogue.directors]
    years = range(catalogue.years.first, catalogue.years.last + 1)
    directors = Directors(
        names=draw(st.one_of(st.just(()), st.just(some(names)))),
        at_least_films=draw(st.sampled_from([0, 0, 3])),
        active_within=draw(st.sampled_from([0, 3, 10])),
    )
    kind = draw(st.sampled_from(["range", "single", "next", "every"]))
    if kind == "range":
        first = draw(st.sampled_from(list(years)))
        span = Years(first=first, last=draw(st.integers(first, catalogue.years.last + 4)))
    elif kind == "single":
        span = Years(only=some(years, least=1))
    else:
        span = Years(every=kind == "every")
    allowed = some(catalogue.genres)
    genres = Genres(
        allowed=allowed,
        required=some(allowed or catalogue.genres)[: draw(st.integers(0, 2))],
        at_most=draw(st.integers(1, 3)),
    )
    slate = Slate(
        directors, span, genres, draw(st.sampled_from([("film",), KINDS])), draw(st.booleans())
    )
    every = combinations_of(slate, catalogue)
    made = some(every)[:5] if every and draw(st.booleans()) else ()
    out = tuple(LeftOut(film.director, film.year, film.genres) for film in made)
    return Slate(slate.directors, span, genres, slate.kinds, slate.plausible, out)


def check(model, slate, k, repeat_directors):
    every = combinations_of(slate, model.catalogue)
    if not every:
        with pytest.raises(InvalidSlate):
            choose(model, slate, k, repeat_directors=repeat_directors)
        return
    answer = choose(model, slate, k, repeat_directors=repeat_directors, explained=False)
    wanted = best_of(model, every, max(k, 2), repeat_directors)
    assert answer.fault is None
    assert answer.space.size == len(every)
    assert [pick.combination for pick in answer.picks] == [film for film, _ in wanted][:k]
    assert [pick.prediction for pick in answer.picks] == [said for _, said in wanted][:k]
    second = answer.runner_up and answer.runner_up.combination
    assert second == (wanted[1][0] if len(wanted) > 1 else None)


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_best_of_any_slate_is_what_scoring_every_row_finds(data):
    model = data.draw(models())
    for _ in range(3):
        slate = data.draw(slates(model.catalogue))
        k = data.draw(st.sampled_from([1, 2, 5, 40]))
        check(model, slate, k, data.draw(st.booleans()))


def test_years_past_the_training_range_are_allowed_and_marked():
    model = made_up_model(5)
    training, tables = model.catalogue.training_years, model.catalogue.years
    assert tables.last > training.last
    for years in (
        Years(first=training.last + 1, last=tables.last),
        Years(only=(tables.last + 50, tables.last + 60)),
        Years(),
    ):
        answer = choose(model, Slate(years=years))
        assert answer.picks[0].extrapolated
        assert answer.warnings == (
            f"the model's newest film is of {training.last}; later years are carried forward",
        )
    assert not choose(model, Slate.everything()).picks[0].extrapolated
    with pytest.raises(InvalidSlate, match="1870 to 2200"):
        choose(model, Slate(years=Years(first=2201, last=2300)))


@pytest.mark.parametrize("today", [None, 2026, 2100])
def test_without_years_the_next_film_is_looked_for(today):
    model = made_up_model(5)
    newest = model.catalogue.training_years.last
    answer = choose(model, Slate(), 5, today=today)
    first = newest + 1 if today is None else today
    assert (answer.space.first_year, answer.space.last_year) == (first, first + 2)
    assert {pick.year for pick in answer.picks} <= {first, first + 1, first + 2}
    wanted = best_of(model, combinations_of(Slate(), model.catalogue, today=today), 5, False)
    assert [pick.combination for pick in answer.picks] == [film for film, _ in wanted]


def test_of_years_that_the_model_scores_alike_the_first_stands_for_all():
    model = made_up_model(5)
    beyond = model.catalogue.years.last + 5
    answer = choose(model, Slate(years=Years(only=(beyond, beyond + 1))), 3)
    assert {pick.year for pick in answer.picks} == {beyond}
    (again,) = choose(
        model, Slate(years=Years(only=(beyond,))), 1, leave_out=[answer.picks[0].combination]
    ).picks
    assert again.combination != answer.picks[0].combination


def test_two_million_combinations_of_the_real_bundle(real_model):
    """Every score of the tables is the graph's, and the search's best are the graph's best."""
    index, tables = real_model.index, real_model.tables
    every_year, every_set = np.arange(index.years), np.arange(index.sets.count)
    everything = Search(
        tables, SearchSpace.of(index, np.arange(len(index.names)), every_year, every_set)
    )
    best = everything.best(3).cells.directors
    count = -(-2_000_000 // (len(every_year) * len(every_set)))
    drawn = np.random.default_rng(7).choice(len(index.names), min(count, len(index.names)), False)
    directors = np.unique([*best, *drawn])[: max(count, 3)]
    space = SearchSpace.of(index, directors, every_year, every_set)
    assert space.size >= 2_000_000 or len(directors) == len(index.names)
    blocks = list(space.blocks())
    cells = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    said = real_model.rows(*index.columns(*cells), probabilities=False)
    assert np.array_equal(said.score, tables.score(*cells))
    exact = said.score.astype(np.float32) * np.float32(2**-12)
    assert np.array_equal(said.expected.view(np.int32), exact.view(np.int32))
    order = np.lexsort((cells[2], cells[1], cells[0], -said.score))
    for k in (1, 10, 1000):
        found = Search(tables, space).best(k, repeat_directors=True)
        assert np.array_equal(found.scores, said.score[order[:k]])
        for column, wanted in zip(found.cells, cells, strict=True):
            assert np.array_equal(column, wanted[order[:k]])
    found = Search(tables, space).best(len(directors))
    _, first = np.unique(cells[0][order], return_index=True)
    for column, wanted in zip(found.cells, cells, strict=True):
        assert np.array_equal(column, wanted[order[np.sort(first)]])
