"""A search space yields each of its combinations once, in blocks of any size."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.films import Combination
from edge.search.catalogue_index import CatalogueIndex
from edge.search.resolve import resolve
from edge.search.search_space import Cells, SearchSpace
from edge.search.slate import Directors, Genres, LeftOut, Slate, Years

from .made_up import catalogue as made_up_catalogue
from .made_up import model as made_up_model
from .plain import combinations_of

MODEL = made_up_model(5, directors=12, genres=5, years=9)
NAMES = [entry.name for entry in MODEL.catalogue.directors]
LEFT_OUT = (LeftOut(NAMES[2], 2003, ("GA",)), LeftOut(NAMES[2], 2003, ("GB", "GA")))


@settings(max_examples=40)
@given(plausible=st.booleans(), most=st.sampled_from([1, 7, 100, 65_536]), few=st.booleans())
def test_every_combination_comes_once_however_small_the_blocks(plausible, most, few):
    slate = Slate(
        directors=Directors(names=tuple(NAMES[:5]) if few else ()),
        years=Years(first=2001, last=2006),
        genres=Genres(at_most=2),
        plausible=plausible,
        leave_out=LEFT_OUT,
    )
    space = resolve(slate, MODEL.index, random.Random(0))
    found = [
        space.combination(*place)
        for block in space.blocks(most)
        for place in zip(*block, strict=True)
    ]
    assert len(found) == len(set(found)) == space.size
    assert set(found) == set(combinations_of(slate, MODEL.catalogue))


def test_left_out_combinations_are_never_admitted():
    slate = Slate(years=Years(every=True), plausible=False, leave_out=LEFT_OUT)
    space = resolve(slate, MODEL.index, random.Random(0))
    everything = resolve(
        Slate(years=Years(every=True), plausible=False), MODEL.index, random.Random(0)
    )
    assert everything.size - space.size == len(LEFT_OUT)
    admitted = np.concatenate([space.admits(block) for block in everything.blocks()])
    assert (~admitted).sum() == len(LEFT_OUT)


@pytest.mark.parametrize("plausible", [True, False])
def test_keys_ascend_as_ties_are_broken(plausible):
    space = resolve(
        Slate(years=Years(every=True), plausible=plausible), MODEL.index, random.Random(0)
    )
    cells = [place for block in space.blocks() for place in zip(*block, strict=True)]
    columns = Cells(*(np.array(column) for column in zip(*cells, strict=True)))
    by_key = [cells[place] for place in np.argsort(space.keys(columns))]
    assert [space.combination(*place) for place in by_key] == sorted(
        space.combination(*place) for place in cells
    )


def test_combinations_beyond_32_bits_are_distinguished():
    rng = random.Random(1)
    index = CatalogueIndex(made_up_catalogue(rng, 290, 100, (1870, 2019), (1900, 2010)))
    parts = [np.arange(n) for n in (len(index.names), index.years, index.sets.count)]
    number = max(n for n, entry in enumerate(index.catalogue.directors) if entry.genres)
    entry = index.catalogue.directors[number]
    made = Combination(entry.name, entry.last_year, (index.sets.genres[entry.genres[0]],))
    space = SearchSpace.of(index, *parts, plausible=True, left_out=[made])
    everything = SearchSpace.of(index, *parts, plausible=True)
    assert everything.size - space.size == 1
    keys = np.concatenate([space.keys(block) for block in space.blocks()])
    assert len(np.unique(keys)) == len(keys) == space.size
    assert keys.max() > 2**32
    assert not set(space.left_out.tolist()) & set(keys.tolist())
