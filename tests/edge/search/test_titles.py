"""Invented titles can be said aloud, aren't taken, and are the same on every machine."""

import random
import re

import pytest

from data.catalogue import Titles
from edge.search import titles as module
from edge.search.title_words import INNOCENT, OFFENSIVE, WORDS
from edge.search.titles import TitleMaker, inventable, is_offensive

from .made_up import WORDS as OTHER_WORDS

ENGLISH = Titles(
    tuple(sorted({word.lower() for words in WORDS.values() for word in words})),
    ("ashes", "the last lion", "the student"),
)
OTHER = Titles(tuple(sorted(OTHER_WORDS)), ("ashes", "the ghost"))


def made(seed, count=400, titles=ENGLISH):
    maker = TitleMaker(titles, random.Random(seed))
    return [maker.make() for _ in range(count)]


def test_the_same_seed_makes_these_titles_on_every_processor_and_python():
    assert made(1, 12) == [
        "Sunken Songs",
        "The Only Map",
        "Rescuing the Candle",
        "The Sunken Locket",
        "Above the Iron Shore",
        "The Weary Uncle",
        "The Bitter Pearl",
        "The Heiress and the Experiment",
        "Art of Glory",
        "Legend of Grace",
        "The False Knight",
        "The Eleventh Student",
    ]
    assert made(3) == made(3) != made(4)


def test_nothing_but_random_is_asked_of_the_source_of_chance():
    class OnlyRandom:
        def __init__(self):
            self.random = random.Random(1).random

    assert TitleMaker(ENGLISH, OnlyRandom()).make() == made(1, 1)[0]


def test_every_title_is_a_pattern_filled_with_words_of_its_kinds():
    shapes = [
        re.sub(r"\{(\w+)\}", lambda slot: f"(?:{'|'.join(WORDS[slot[1]])})", pattern)
        for pattern, _ in module._PATTERNS
    ]
    whole = re.compile("|".join(shapes))
    for title in made(2, 2000):
        assert whole.fullmatch(re.sub("^An ", "A ", title)), title
        words = re.findall(r"\w+", title.lower())
        own = [word for word in words if word not in ("the", "in", "of", "and", "a")]
        assert len(set(own)) == len(own)
        assert not re.match(r"A [AEIOU]|An [^AEIOUH]", title)


def test_no_title_exists_already_or_is_made_twice():
    for titles in (ENGLISH, OTHER):
        lower = [title.lower() for title in made(2, 2000, titles)]
        assert len(set(lower)) == len(lower)
        assert set(lower).isdisjoint(titles.existing)


def test_a_catalogue_needs_only_the_existing_titles_that_could_be_invented():
    for titles in (ENGLISH, OTHER):
        invented = tuple(sorted(title.lower() for title in made(7, 3000, titles)))
        never = ("2001: a space odyssey", "the godfather")
        existing = tuple(sorted({*invented, *never}))
        assert inventable(Titles(titles.words, existing)).existing == invented
    few = Titles((), ("untitled",))
    assert inventable(few) == few


def test_words_that_the_films_themselves_use_come_first():
    used = tuple(sorted(word.lower() for kind in WORDS.values() for word in kind[:14]))
    allowed = {word for kind in WORDS.values() for word in kind[:14]}
    for title in made(5, 300, Titles(used, ())):
        for word in re.findall(r"\w+", re.sub(r"'s|^(The|An?|No|When|Letters)\b", "", title)):
            assert word in allowed or word in ("the", "in", "of", "and", "at", "for", "from")


def test_offensive_words_of_the_films_are_in_no_title():
    words = tuple(sorted({*OTHER_WORDS, "Bastards", "Fucking", "Shit", "Whores"}))
    for title in made(6, 1000, Titles(words, ())):
        assert not is_offensive(title)
    assert not any(is_offensive(word) for kind in WORDS.values() for word in kind)
    assert all(is_offensive(f"The {word}") for word in OFFENSIVE)
    assert not any(is_offensive(f"The {word}") for word in INNOCENT)


def test_films_of_another_language_get_titles_of_their_own_words():
    for title in made(1, 400, OTHER):
        words = title.split()
        assert 1 <= len(words) <= 4
        assert {re.sub(r"^\d+$", words[0], word) for word in words} <= set(OTHER_WORDS)


@pytest.mark.parametrize("words", [("Dust",), ("雨", "夜"), ()])
def test_few_words_are_numbered_as_sequels_are(words):
    titles = made(5, 20, Titles(words, ("dust",)))
    assert len({title.lower() for title in titles}) == 20
    assert titles[-1].split()[-1].isdigit()
