"""Two tables that aren't about films: from the table to a rating, in their own words."""

from __future__ import annotations

import csv
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest

from data import signing
from data.domain import Domain, from_toml
from edge.journal import JOURNAL, HistoryEntry, Journal
from edge.models.store import ModelStore
from edge.search.drawn_slate import draw_slate
from edge.search.model import Model
from edge.search.pick import choose
from edge.search.slate import Slate
from training.dataset import load
from training.export.bundle import prepare, summary_of, write
from training.export.example_bundle import small_model
from training.inspection import inspect
from training.report import draw
from training.sources.options import Options

from ..edge.page.running_appliance import RunningAppliance, Visitor

pytestmark = pytest.mark.numeric

EXAMPLES = Path(__file__).parents[2] / "examples"
FILM_WORDS = re.compile(r"\b(films?|directors?|genres?|stars?|years?|movies?)\b", re.IGNORECASE)


class Readable(HTMLParser):
    """What a page says to its reader: its text, and the attributes that are shown or read aloud."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._hidden = tag in ("style", "script")
        self.said += [
            value or ""
            for name, value in attrs
            if name in ("title", "aria-label", "placeholder") or name.startswith("data-")
        ]

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self.said.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.said).split())


@dataclass
class Shop:
    """A running appliance with another domain."""

    domain: Domain
    running: RunningAppliance
    owner: Visitor

    @property
    def state(self) -> Path:
        return self.running.state

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `greenlight` as its owner does."""
        return subprocess.run(
            [sys.executable, "-m", "edge", *arguments, "--config", str(self.running.config)],
            capture_output=True,
            text=True,
            check=False,
        )

    def newest(self) -> HistoryEntry:
        """The newest pick."""
        with Journal.open(self.state / JOURNAL) as journal:
            return journal.history(1)[0]

    def shows(self, path: str) -> str:
        """What a page says to its reader, which holds no word about films."""
        status, _, body = self.owner.get(path)
        assert status == 200, body
        text = str(Readable(body.decode()))
        assert not FILM_WORDS.search(text), text
        return text

    def says(self, *arguments: str) -> str:
        """Return a command's output, which must not mention films."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stderr
        assert not FILM_WORDS.search(done.stdout), done.stdout
        return done.stdout


@pytest.fixture(scope="module", params=["lunches", "plumbers"])
def shop(request, tmp_path_factory) -> Iterator[Shop]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENLIGHT_KEYS", str(folder / "keys"))
        table = load("csv", EXAMPLES / name / f"{name}.csv")
        exported = prepare(table, small_model(), version=1, combinations=500)
        bundle = folder / "bundle"
        report = draw(table, summary_of(exported), folder)
        write(exported, bundle, signing.development_key(), report)
        # Trials take long beside the other tests of a busy machine.
        with RunningAppliance(folder / "state", folder / "keys", trial_seconds=200.0) as running:
            running.give_model(bundle)
            owner = Visitor(running.port)
            assert owner.sign_in(running.pin) == 303
            yield Shop(table.domain, running, owner)


@pytest.mark.parametrize("name", ["lunches", "plumbers"])
def test_inspect_finds_the_columns_that_the_shipped_domain_names(tmp_path, name):
    shutil.copy(EXAMPLES / name / f"{name}.csv", tmp_path)
    found = inspect(tmp_path / f"{name}.csv", Options())
    assert found.works, found.problems
    assert found.rows == found.rows_in
    proposed = from_toml((tmp_path / f"{name}.domain.toml").read_bytes())
    shipped = from_toml((EXAMPLES / name / f"{name}.domain.toml").read_bytes())
    assert proposed.choice == shipped.choice
    assert proposed.ordinal == shipped.ordinal
    assert (proposed.tags and proposed.tags.columns) == (shipped.tags and shipped.tags.columns)
    assert proposed.outcome.column == shipped.outcome.column
    assert (proposed.words.thing, proposed.name) == (shipped.words.thing, name)


def test_a_press_an_approval_and_a_rating_speak_of_it(shop: Shop):
    domain = shop.domain
    pressed = shop.says("press")
    assert f"The {domain.words.thing} to {domain.words.make}" in pressed
    assert f"{domain.outcome.unit} expected" in pressed
    assert f"{domain.choice.word}" in pressed
    assert "pick" in shop.says("status")
    assert "approved: " in shop.says("approve")
    refused = shop.command("rate", "1000")
    assert refused.returncode != 0
    assert f"{domain.outcome.low:g} to {domain.outcome.high:g}" in refused.stderr
    given = {"lunches": "4.5", "plumbers": "87"}[domain.name]
    assert f"{given} {domain.outcome.unit}" in shop.says("rate", given)
    assert given in shop.says("history")
    header, row = list(csv.reader(shop.says("history", "--csv").splitlines()))
    assert domain.choice.word in header
    cells = dict(zip(header, row, strict=True))
    assert cells[domain.outcome.unit] == given
    low, high = domain.outcome.low, domain.outcome.high
    assert low <= float(cells["expected"]) <= high


def test_its_pages_speak_of_it(shop: Shop):
    domain, scale = shop.domain, shop.domain.outcome
    shop.says("press")
    pick = shop.shows("/")
    assert f"Why this {domain.words.thing}" in pick
    assert f"{scale.unit} expected" in pick
    slate = shop.shows("/slate")
    assert f"Find a {domain.choice.word}" in slate
    offered = "36" if domain.ordinal and domain.tags else "some"
    assert f"{offered} {domain.words.things}, picked at random" in slate
    picked = {"pick_id": shop.newest().pick.id}
    assert shop.owner.post("/approve", picked)[0] == 303
    assert f"turn out? {scale.low:g} to {scale.high:g}" in shop.shows("/")
    status, _, body = shop.owner.post("/rate", {**picked, "outcome": "1000"})
    assert status == 422
    assert f"Give {scale.low:g} to {scale.high:g} {scale.unit}" in body.decode()
    typed, given = {"lunches": ("4,5", "4.5"), "plumbers": ("87 %", "87")}[domain.name]
    assert shop.owner.post("/rate", {**picked, "outcome": typed})[0] == 303
    assert f"It was rated {given} {scale.unit}" in shop.shows("/")
    assert f"rated {given}" in shop.shows("/history")
    assert domain.words.things in shop.shows("/model")
    shop.shows("/sync")
    assert f"The model and its {domain.words.things}" in shop.shows("/report.html")


def test_the_form_takes_the_domains_own_numbers(shop: Shop):
    ordinal = shop.domain.ordinal
    if ordinal is None:
        assert 'name="first"' not in shop.owner.get("/slate")[2].decode()
        return
    fields = {"draw": "space", "kind": "film", "first": "3", "last": "5"}
    status, _, body = shop.owner.post("/narrow", fields)
    assert status == 303, body
    assert 'value="3"' in shop.owner.get("/slate")[2].decode()
    shop.says("press")
    assert 3 <= shop.newest().pick.year - ordinal.shift <= 5
    wrong = str(Readable(shop.owner.post("/narrow", {**fields, "first": "9999"})[2].decode()))
    assert f"The {ordinal.word} is 9999; give" in wrong
    shop.owner.post("/narrow", {"draw": "next", "kind": "film", "plausible": "yes"})


def test_any_of_them_is_explained_in_its_words(shop: Shop):
    domain = shop.domain
    shop.says("press")
    pick = shop.newest().pick
    number, tags = domain.shown_ordinal(pick.year), domain.shown_tags(pick.genres)
    typed = [pick.director, *([number] if number else []), *tags]
    shown = shop.says("explain", *typed)
    assert f"the {domain.choice.word} adds" in shown
    assert f"{domain.outcome.unit} expected" in shown
    assert domain.shown_outcome(pick.prediction.expected) in shown
    address = (
        f"/what-if?{urlencode({'director': pick.director, 'year': number, 'genre': tags}, True)}"
    )
    page = shop.shows(address)
    assert (
        f"{domain.shown_outcome(pick.prediction.expected)} {domain.outcome.unit} expected" in page
    )
    assert page == shop.shows("/what-if")  # without an address: the newest pick


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"genre": "rice"}, "Name a {0.choice.word}."),
        (
            {"director": "Kaya", "year": "soon", "genre": "rice"},
            "The {0.ordinal.word} must be a whole number",
        ),
        ({"director": "Kaya", "year": "9999", "genre": "rice"}, "The {0.ordinal.word} is 9999"),
        ({"director": "Kaya", "year": "3"}, "Choose at least one {0.tags.word}"),
    ],
)
def test_what_cannot_be_is_refused_in_its_words(shop: Shop, typed, said):
    fields = {"director": "", "year": "1"} | typed
    status, _, body = shop.owner.get(f"/what-if?{urlencode(fields)}")
    text = str(Readable(body.decode()))
    assert not FILM_WORDS.search(text), text
    lacks = {"ordinal": shop.domain.ordinal is None, "tags": shop.domain.tags is None}
    if any(lacks[part] for part in lacks if part in said):
        assert status == 200
    else:
        assert status == 422
        assert said.format(shop.domain) in text


def test_on_the_wire_it_is_one_to_ten_stars(shop: Shop):
    shop.says("press")
    shop.says("approve")
    shop.says("rate", f"{shop.domain.outcome.high:g}")
    newest = shop.newest()
    assert newest.ratings[0].stars == 10
    assert 1870 <= newest.pick.year <= 2200
    assert 1 <= len(newest.pick.genres) <= 3


def test_tags_that_exclude_each_other_are_never_offered_together(shop: Shop):
    group = set(shop.domain.tags.exclusive[0]) if shop.domain.tags else {"all"}
    model = Model.open(
        ModelStore(shop.state).folder(1), signing.read_public_keys(signing.keys_folder())
    )
    for seed in range(100):
        drawn = draw_slate(model, Slate(sample="next"), random.Random(seed))
        assert all(len(group.intersection(option.genres)) <= 1 for option in drawn.options)
    best = choose(model, Slate(), k=20, repeat_directors=True)
    assert all(len(group.intersection(pick.genres)) <= 1 for pick in best.picks)
