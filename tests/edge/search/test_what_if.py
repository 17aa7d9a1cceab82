"""What the model says about any film, and the best single change, compared with trying all."""

import pytest

from data.films import KINDS, Combination
from edge.search.slate import Directors, Genres, Slate, Years
from edge.search.what_if import NotWanted, explain_film

from .made_up import model as made_up_model
from .plain import best_of, combinations_of

pytestmark = pytest.mark.numeric

MODEL = made_up_model(11, directors=30, genres=6, years=20, kinds=("film", "tv"))


def of_index(number, year=2010):
    entry = MODEL.catalogue.directors[number]
    genres = tuple(MODEL.catalogue.genres[index] for index in entry.genres[:2])
    return Combination(entry.name, year, genres)


FILMS = [film for film in map(of_index, range(30)) if film.genres]


@pytest.mark.parametrize("film", FILMS[:12])
def test_the_best_change_of_one_thing_is_what_trying_all_plausible_ones_finds(film):
    found = explain_film(MODEL, film)
    (said,) = MODEL.predict([film])
    assert found.prediction == said
    assert sum(getattr(found.why, name) for name in found.why.__struct_fields__) == said.expected
    assert [change.gain for change in found.better] == sorted(
        (change.gain for change in found.better), reverse=True
    )
    training = MODEL.catalogue.training_years
    one = Directors(names=(film.director,))
    only = Years(only=(film.year,))
    every = (*range(training.first, training.last + 1), *(training.last + n for n in (1, 2, 3)))
    same = Genres(allowed=film.genres, required=film.genres)
    slates = {
        "director": Slate(years=only, genres=same, kinds=KINDS),
        "year": Slate(directors=one, years=Years(only=every), genres=same, kinds=KINDS),
        "genres": Slate(directors=one, years=only, kinds=KINDS),
    }
    changes = {change.choice: change for change in found.better}
    for choice, slate in slates.items():
        others = combinations_of(slate, MODEL.catalogue, [film])
        if not others:
            assert choice not in changes
            continue
        ((best, expected),) = best_of(MODEL, others, 1, True)
        assert (changes[choice].film, changes[choice].expected) == (best, expected.expected)
        assert changes[choice].gain == expected.expected - said.expected


@pytest.mark.parametrize("today", [None, 2031])
def test_a_film_still_to_be_made_is_not_moved_into_the_past(today):
    first = MODEL.catalogue.training_years.last + 1 if today is None else today
    for film in (of_index(number, first + number % 3) for number in range(12)):
        if not film.genres:
            continue
        moved = [
            one for one in explain_film(MODEL, film, today=today).better if one.choice == "year"
        ]
        assert all(first <= one.film.year < first + 3 for one in moved)
    past = explain_film(MODEL, FILMS[0], today=today)
    assert any(one.choice == "year" for one in past.better), "a film of the past is, as before"


def test_what_the_model_does_not_know_is_said():
    found = explain_film(MODEL, Combination("Nobody Known", 2150, ("GA", "Unheard of")))
    assert found.better == ()
    notes = " ".join(found.notes)
    for part in ("doesn't know Nobody Known", "the genre Unheard of", "carried forward"):
        assert part in notes
    assert explain_film(MODEL, FILMS[0]).notes == ()


def test_it_stops_between_steps_once_its_caller_has_left():
    steps = 5
    for wanted in range(steps):
        answers = iter([True] * wanted)
        with pytest.raises(NotWanted):
            explain_film(MODEL, FILMS[0], wanted=lambda left=answers: next(left, False))
    every = iter([True] * steps)
    assert explain_film(MODEL, FILMS[0], wanted=lambda: next(every)).film == FILMS[0]
