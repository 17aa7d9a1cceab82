"""Two tables that aren't about films: from the table to a rating, in their own words."""

from __future__ import annotations

import csv
import hashlib
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data import signing
from data.domain import Domain, from_toml
from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore
from edge.search.drawn_slate import draw_slate
from edge.search.model import Model
from edge.search.pick import choose
from edge.search.slate import Slate
from training.dataset import load
from training.export.bundle import prepare, write
from training.export.example_bundle import small_model
from training.inspection import inspect
from training.sources.options import Options

pytestmark = pytest.mark.numeric

EXAMPLES = Path(__file__).parents[2] / "examples"
FILM_WORDS = re.compile(r"\b(films?|directors?|genres?|stars?|years?|movies?)\b", re.IGNORECASE)


@dataclass
class Shop:
    """A running appliance with another domain."""

    domain: Domain
    config: Path
    state: Path

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `greenlight` as its owner does."""
        return subprocess.run(
            [sys.executable, "-m", "edge", *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            check=False,
        )

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
        digest = write(exported, bundle, signing.development_key())
        state = folder / "state"
        state.mkdir()
        shutil.copytree(bundle, incoming_folder(state) / ".partial-1")
        with Journal.open(state / JOURNAL) as journal:
            hand_over(incoming_folder(state) / ".partial-1", state, "1")
            journal.offer_model(1, digest, "job", "1")
        assert digest == hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
        config = folder / "greenlight.toml"
        config.write_text(
            f'state = "{state}"\npublic_keys = "{folder / "keys"}"\npage = false\n'
            "trial_seconds = 200.0\n"
        )
        running = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--simulate", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        deadline = threading.Timer(240, running.kill)
        deadline.start()
        try:
            assert running.stdout is not None
            heard = []
            for line in running.stdout:
                heard.append(line)
                if line.startswith(f"model: {name} version 1"):
                    break
            deadline.cancel()
            assert running.poll() is None, "".join(heard)
            yield Shop(table.domain, config, state)
        finally:
            deadline.cancel()
            running.terminate()
            running.communicate(timeout=30)


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


def test_on_the_wire_it_is_one_to_ten_stars(shop: Shop):
    shop.says("press")
    shop.says("approve")
    shop.says("rate", f"{shop.domain.outcome.high:g}")
    with Journal.open(shop.state / JOURNAL) as journal:
        newest = journal.history(1)[0]
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
