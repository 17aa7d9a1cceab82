"""What if: one choice is changed, and score, distribution and reasons follow at once."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from data import signing
from data.films import Combination
from edge.search.model import Model
from edge.search.what_if import explain_film

from .browser import Browser
from .running_appliance import RunningAppliance, Visitor


@pytest.fixture(scope="module")
def model(bundle: Path, keys) -> Model:
    return Model.open(bundle, signing.read_public_keys(keys[0]))


@pytest.fixture(scope="module")
def films(model: Model) -> tuple[Combination, Combination]:
    """Two films by different directors of the model."""
    names, genres = model.catalogue.directors, model.catalogue.genres
    return (
        Combination(names[0].name, 2001, (genres[0],)),
        Combination(names[1].name, 2003, tuple(sorted(genres[1:3]))),
    )


def address(*films: Combination) -> str:
    pairs = [
        pair
        for prefix, film in zip(("", "other_"), films, strict=False)
        for pair in (
            (f"{prefix}director", film.director),
            (f"{prefix}year", film.year),
            *((f"{prefix}genre", genre) for genre in film.genres),
        )
    ]
    return f"/what-if?{urlencode(pairs)}"


def text(body: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body.decode()))


def test_it_shows_what_the_model_says_of_two_films(owner: Visitor, model: Model, films):
    status, _, body = owner.get(address(*films))
    assert status == 200
    for film in films:
        found = explain_film(model, film)
        assert f'<span class="big">{found.prediction.expected:.2f}</span>' in body.decode()
        for change in found.better:
            if change.gain > 0:
                assert f"+{change.gain:.2f}" in text(body)


def test_without_an_address_it_is_about_the_newest_pick(
    appliance: RunningAppliance, owner: Visitor
):
    assert b'id="answers"' in owner.get("/what-if")[2]
    said = len(appliance.lines)
    owner.post("/press")
    appliance.wait_for(r"^pick: ", said)
    with appliance.journal() as journal:
        pick = journal.history(1)[0].pick
    body = owner.get("/what-if")[2].decode()
    assert f"{pick.prediction.expected:.2f}</span>" in body
    # An open page that only looks how the appliance is asks no more of the model.
    assert '<span class="big">' not in owner.get("/what-if?look=yes")[2].decode()


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"director": "A", "year": "soon", "genre": "Drama"}, "must be a whole number"),
        (
            {"director": "A", "year": "1066", "genre": "Drama"},
            "The year is 1066; give 1870 to 2200",
        ),
        ({"director": "A", "year": "2000"}, "Choose at least one genre"),
        ({"year": "2000", "genre": "Drama"}, "Name a director"),
        ({"director": "A", "year": "2000", "genre": ["a", "b", "c", "d"]}, "at most 3 genres"),
    ],
)
def test_a_film_that_cannot_be_is_refused_and_stays_in_the_form(owner: Visitor, entered, said):
    status, _, body = owner.get(f"/what-if?{urlencode(entered, doseq=True)}")
    assert status == 422
    assert said in text(body)
    assert f'value="{entered["year"]}"' in body.decode()


def test_whom_the_model_does_not_know_counts_as_a_newcomer(owner: Visitor, films):
    film = Combination("<b>Nobody</b>", films[0].year, films[0].genres)
    status, _, body = owner.get(address(film))
    assert status == 200
    assert b"know &lt;b&gt;Nobody&lt;/b&gt;: this is what it expects of a newcomer" in body
    assert b"<b>Nobody" not in body


def test_two_owners_who_ask_at_once_are_both_answered(
    appliance: RunningAppliance, owner: Visitor, films
):
    other = Visitor(appliance.port)
    assert other.sign_in(appliance.pin) == 303
    together = threading.Barrier(2, timeout=30)

    def ask(visitor: Visitor) -> list[int]:
        together.wait()
        return [visitor.get(address(*films))[0] for _ in range(20)]

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(ask, [owner, other]))
    assert found == [[200] * 20] * 2


def test_it_needs_a_session(stranger: Visitor, films):
    status, headers, _ = stranger.get(address(*films))
    assert (status, headers["location"]) == (303, "/sign-in")


@pytest.fixture
def page(appliance: RunningAppliance, browser: Browser, films) -> Browser:
    browser.sign_in(appliance.address, appliance.pin)
    browser.get(appliance.address.rstrip("/") + address(films[0]))
    return browser


def shown(browser: Browser) -> list[str]:
    return browser.texts(".thought .big")


def expected(model: Model, film: Combination) -> str:
    return f"{model.predict([film])[0].expected:.2f}"


@pytest.mark.chromium
def test_a_change_shows_at_once_and_stays_in_the_address(page: Browser, model: Model, films):
    film = films[0]
    chart = page.find(".thought .chart")
    page.execute_script("window.stillHere = true")
    year = page.find("input[name=year]")
    year.send_keys(Keys.ARROW_DOWN)
    changed = Combination(film.director, film.year - 1, film.genres)
    page.wait(lambda: f"{film.year - 1}" in page.text(".thought h2"))
    assert shown(page) == [expected(model, changed)]
    genre = model.catalogue.genres[3]
    Select(page.find_elements("css selector", "select")[1]).select_by_visible_text(genre)
    changed = Combination(film.director, film.year - 1, tuple(sorted((*film.genres, genre))))
    page.wait(lambda: genre in page.text(".thought .what-it-is"))
    assert shown(page) == [expected(model, changed)]
    # The chart moved; it wasn't replaced. Nor was the page.
    assert page.find(".thought .chart") == chart
    assert page.execute_script("return window.stillHere")
    page.refresh()
    assert shown(page) == [expected(model, changed)]
    assert page.complaints() == []


@pytest.mark.chromium
def test_a_director_is_found_by_typing(page: Browser, model: Model, films):
    field = page.find("#director")
    field.clear()
    field.send_keys(films[1].director.split()[-1][:4])
    page.wait(lambda: page.texts("#director-matches li"))
    field.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    name = field.get_attribute("value")
    page.wait(lambda: name in page.text(".thought h2"))
    changed = Combination(name, films[0].year, films[0].genres)
    assert shown(page) == [expected(model, changed)]


@pytest.mark.chromium
def test_what_would_make_it_better_is_one_click(page: Browser, model: Model, films):
    best = explain_film(model, films[0]).better[0]
    assert best.gain > 0
    page.find(".changes a").click()
    page.wait(lambda: shown(page) == [f"{best.expected:.2f}"])
    assert page.find("#director").get_attribute("value") == best.film.director
    chosen = [one.get_attribute("value") for one in page.find_elements("css selector", "select")]
    assert tuple(sorted(filter(None, chosen))) == best.film.genres


@pytest.mark.chromium
def test_films_are_compared_side_by_side(page: Browser, model: Model, films):
    page.find("#answers .button").click()
    page.wait(lambda: len(shown(page)) == 2)
    year = page.find("input[name=other_year]")
    year.clear()
    year.send_keys("1990")
    other = Combination(films[0].director, 1990, films[0].genres)
    page.wait(lambda: shown(page) == [expected(model, film) for film in (films[0], other)])
    left, right = (one.rect for one in page.find_elements("css selector", ".thought"))
    assert left["y"] == right["y"]
    page.find("#answers .button").click()
    page.wait(lambda: len(shown(page)) == 1)


@pytest.mark.chromium
def test_it_works_without_javascript(
    appliance: RunningAppliance, browser: Browser, model: Model, films
):
    browser.sign_in(appliance.address, appliance.pin)
    with browser.without_javascript():
        browser.get(appliance.address.rstrip("/") + address(films[0]))
        year = browser.find("input[name=year]")
        year.clear()
        year.send_keys("1990")
        browser.find("#films button").click()
        changed = Combination(films[0].director, 1990, films[0].genres)
        browser.wait(lambda: "1990" in browser.text(".thought h2"))
        assert shown(browser) == [expected(model, changed)]


@pytest.mark.chromium
def test_a_question_that_a_press_comes_before_is_asked_again(page: Browser, model: Model, films):
    """What the appliance answers while it searches is tested in `test_explainer.py`."""
    page.execute_script(
        "const real = window.fetch; window.busy = 2;"
        "window.fetch = (...asked) => {"
        "  const own = String(asked[0]).includes('what-if?director');"
        "  if (!own || window.busy-- <= 0) return real(...asked);"
        "  return Promise.resolve(new Response('', { status: 409 })); };"
    )
    page.find("input[name=year]").send_keys(Keys.ARROW_UP)
    changed = Combination(films[0].director, films[0].year + 1, films[0].genres)
    page.wait(lambda: f"{changed.year}" in page.text(".thought h2"))
    assert shown(page) == [expected(model, changed)]
    assert json.loads(page.execute_script("return String(window.busy)")) < 0
