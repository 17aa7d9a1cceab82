"""Of a rating and its corrections one counts, whatever the order in which they arrive."""

import random
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.corrections import Link, chains, superseded, that_count
from data.messages import JournalPlace

from .test_messages import feedback as fields

J1, J2 = str(uuid.UUID(int=91)), str(uuid.UUID(int=92))


def link(id_, replaces=None, number=0, *, pick="p", source="owner", journal=J1):
    return Link(id_, pick, source, replaces, journal, number)


def counts(*links):
    return {one.id for one in links} - superseded(links)


# Any records that could ever be sent, those of an attacker too: forks, rings, gaps, two journals.
IDS = st.sampled_from("abcdefgh")
LINKS = st.lists(
    st.builds(
        Link,
        id=IDS,
        pick_id=st.sampled_from("pq"),
        source=st.sampled_from(["owner", "simulated"]),
        replaces=st.none() | IDS,
        journal=st.sampled_from(["", J1, J2]),
        number=st.integers(0, 4),
    ),
    unique_by=lambda one: one.id,
    max_size=8,
)


@given(LINKS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(links, draw):
    shuffled = draw.sample(links, len(links))
    assert superseded(shuffled) == superseded(links)


@given(LINKS)
def test_each_rating_counts_once_and_every_record_belongs_to_one(links):
    found = chains(links)
    assert sorted(one.id for chain in found for one in chain) == sorted(one.id for one in links)
    assert len(links) - len(superseded(links)) == len(found)
    for chain in found:
        assert len({(one.pick_id, one.source) for one in chain}) == 1


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_of_a_chain_its_end_counts(length, draw):
    chain = [link("0", number=draw.randint(1, 99))]
    for number in range(1, length):
        # Not even the places matter: an older one may have been given by another journal.
        chain.append(link(str(number), str(number - 1), draw.randint(1, 99)))
    assert counts(*draw.sample(chain, length)) == {str(length - 1)}


@given(st.data(), st.integers(2, 12))
def test_of_a_chain_with_gaps_the_newest_record_that_is_there_counts(data, length):
    chain = [link("0", number=1)]
    chain += [link(str(number), str(number - 1), number + 1) for number in range(1, length)]
    there = sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1)))
    found = data.draw(st.permutations([chain[number] for number in there]))
    assert counts(*found) == {str(there[-1])}


@given(st.data(), st.integers(3, 12))
def test_a_rating_never_counts_beside_one_of_its_corrections(data, length):
    # Nor do the places matter: the card may have been restored, and its journal's id be lower.
    places = st.integers(1, 99)
    chain = [link("0", number=data.draw(places), journal=J2)]
    chain += [link(str(number), str(number - 1), data.draw(places)) for number in range(1, length)]
    later = data.draw(st.sets(st.integers(1, length - 1), min_size=1))
    assert counts(chain[0], *(chain[number] for number in later)) <= {str(one) for one in later}


def test_a_long_chain_is_followed_to_its_end():
    chain = [link("0"), *(link(str(n), str(n - 1), n) for n in range(1, 30_000))]
    random.Random(1).shuffle(chain)
    assert counts(*chain) == {"29999"}


def test_a_correction_without_what_it_replaces_counts():
    assert counts(link("c", replaces="lost", number=2)) == {"c"}


def test_of_two_corrections_of_one_rating_the_higher_place_counts():
    first, early, late = link("a", number=1), link("x", "a", 2), link("b", "a", 3)
    assert counts(first, early, late) == {"b"}
    assert counts(early, late) == {"b"}, "also without the rating itself"


def test_a_correction_speaks_only_of_its_own_pick_and_source():
    mine, theirs = link("a"), link("b", replaces="a", number=9, pick="q")
    assert counts(mine, theirs) == {"a", "b"}
    drawn = link("c", replaces="a", number=9, source="simulated")
    assert counts(mine, drawn) == {"a", "c"}


def record(number, stars, replaces=None):
    changes = {"stars": stars, "schema_version": 2}
    if replaces is not None:
        changes["replaces"] = str(uuid.UUID(int=replaces))
    from data.messages import Feedback

    made = msgspec.convert(fields(id=str(uuid.UUID(int=number)), **changes), Feedback)
    return msgspec.structs.replace(made, sequence=JournalPlace(J1, number))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_withdrawn_rating_counts_no_more_until_it_is_given_again(order):
    given_, gone, again = record(1, 8), record(2, None, 1), record(3, 6, 2)
    assert that_count([given_]) == [given_]
    assert that_count([gone, given_]) == []
    assert that_count([(given_, gone, again)[place] for place in order]) == [again]
