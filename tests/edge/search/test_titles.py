"""Invented titles are made of earlier ones' words, and are nobody's title yet."""

import random
from itertools import islice

from data.catalogue import Titles
from edge.search.titles import TitleMaker

from .made_up import WORDS

TITLES = Titles(tuple(sorted(WORDS)), ("ashes", "the ghost", "dust bridge"))


def made(seed, count=400, titles=TITLES):
    maker = TitleMaker(titles, random.Random(seed))
    return [maker.make() for _ in range(count)]


def test_titles_are_one_to_four_known_words_sometimes_led_by_an_article():
    led = 0
    for title in made(1):
        words = title.split()
        if words[0] in ("The", "A"):
            led += 1
            words = words[1:]
        assert 1 <= len(words) <= 4
        assert set(words) <= set(WORDS)
    assert 0 < led < 400


def test_no_title_exists_already_or_is_made_twice():
    titles = [title.lower() for title in made(2, 2000)]
    assert len(set(titles)) == len(titles)
    assert set(titles).isdisjoint(TITLES.existing)


def test_the_same_seed_makes_the_same_titles():
    assert made(3) == made(3) != made(4)


def test_few_words_are_numbered_as_sequels_are():
    few = Titles(("Dust",), ("dust", "the dust"))
    titles = made(5, 20, few)
    assert len({title.lower() for title in titles}) == 20
    assert list(islice(titles, 0, None))[-1].split()[-1].isdigit()


def test_words_without_case_and_no_words_at_all_still_give_titles():
    assert len(set(made(6, 3, Titles(("雨", "夜"), ())))) == 3
    assert len(set(made(7, 3, Titles((), ())))) == 3
