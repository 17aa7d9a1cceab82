"""A domain's file, its scale and its words."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.domain import FILMS, Domain, DomainOutcome, from_toml, to_toml
from data.errors import InvalidRecord

LEAN = """
name = "plumbers"
[choice]
column = "firm"
word = "firm"
words = "firms"
[outcome]
column = "content"
low = 0
high = 100
step = 1
unit = "%"
[words]
thing = "plumber"
things = "plumbers"
make = "call"
titles = false
"""


def changed(old: str, new: str) -> str:
    assert old in LEAN
    return LEAN.replace(old, new)


@pytest.mark.parametrize("domain", [FILMS, from_toml(LEAN)])
def test_a_domain_comes_back_from_its_file_as_it_was_written(domain):
    assert from_toml(to_toml(domain)) == domain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed("high = 100", "high = 0"), "`high` in `outcome` is 0; give more than `low`"),
        (
            changed("step = 1", "stepp = 1"),
            "`stepp` in `outcome` isn't known; did you mean 'step'?",
        ),
        (changed('name = "plumbers"', 'name = "My Plumbers"'), "`name` is 'My Plumbers'"),
        (changed('column = "firm"\n', ""), "`column` in `choice` is missing"),
        (changed("[words]", "[words"), "the domain isn't TOML"),
        (
            LEAN + '[tags]\ncolumns = ["a"]\nword = "b"\nwords = "bs"\nat_most = 4\n',
            "`at_most` in `tags` is 4; give 1 to 3",
        ),
        (
            LEAN + '[ordinal]\ncolumn = "a"\nword = "b"\nwords = "bs"\nshift = 9\n',
            "`context` in `ordinal` is true, but only calendar years come with the date",
        ),
    ],
)
def test_a_slip_in_the_file_is_refused_by_its_entry(text, says):
    with pytest.raises(InvalidRecord) as refused:
        from_toml(text)
    assert says in str(refused.value)


def test_a_later_writers_fields_are_tolerated_on_the_wire():
    later = {**msgspec.to_builtins(from_toml(LEAN)), "colour": "blue"}
    assert msgspec.convert(later, Domain) == from_toml(LEAN)


def test_a_scale_is_mapped_onto_ten_classes_and_back_without_a_trace():
    scale = DomainOutcome(column="guests", low=0.5, high=5, step=0.5)
    stars = [scale.to_rating(0.5 * step) for step in range(1, 11)]
    assert stars == [float(star) for star in range(1, 11)]
    assert [scale.of_rating(star) for star in stars] == [0.5 * step for step in range(1, 11)]
    assert [FILMS.outcome.to_rating(r / 10) for r in range(10, 101)] == [
        r / 10 for r in range(10, 101)
    ]
    assert scale.decimals == 1
    assert DomainOutcome(column="c", low=0, high=1, step=0.25).decimals == 2


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(0, 3), st.data())
def test_what_a_person_gave_comes_back_from_its_rating(low, steps, decimals, data):
    step = 10.0**-decimals
    ends = round(low * step, decimals), round((low + steps) * step, decimals)
    scale = DomainOutcome(column="c", low=ends[0], high=ends[1], step=step)
    given_ = round((low + data.draw(st.integers(0, steps))) * step, decimals)
    assert scale.of_rating(scale.to_rating(given_)) == given_


def test_films_are_shown_as_they_always_were_and_others_in_their_words():
    assert FILMS.described("Alien", "Ridley Scott", 1979, ("Horror",)) == (
        "Alien by Ridley Scott, 1979, Horror"
    )
    plumbers = from_toml(LEAN)
    assert plumbers.described("plumber 7", "Leak & Sons", 2000, ("all",)) == "Leak & Sons"
    assert plumbers.shown_outcome(5.5) == "50.00"
    assert plumbers.given_outcome(9, 8.83) == "87"
    assert plumbers.reword("Only 2 directors have more than 3 films") == (
        "Only 2 firms have more than 3 plumbers"
    )
    assert plumbers.say("The film is by {who}, a director", who="Star Film Directors") == (
        "The plumber is by Star Film Directors, a firm"
    )
    with pytest.raises(InvalidRecord, match="give 0 to 100"):
        plumbers.rating_of(101)


def test_shown_expectations_stay_on_the_scale():
    domain = msgspec.structs.replace(
        FILMS, outcome=DomainOutcome(column="points", low=0.5, high=5.0, step=0.5)
    )
    assert [domain.expected_outcome(rating) for rating in (0.2, 1.0, 10.0, 11.6)] == [
        0.5,
        0.5,
        5,
        5,
    ]
    assert domain.shown_outcome(11.6) == "5.00"
