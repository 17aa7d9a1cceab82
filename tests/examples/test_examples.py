"""Every example runs, and prints what its own text promises."""

import hashlib
import importlib.util
import itertools
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from data import signing
from data.films import combination
from edge.appliance import client
from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL, Journal
from edge.search.model import Model
from training.export.example_bundle import make_example_bundle

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module", autouse=True)
def keys(tmp_path_factory):
    """Keys of these tests' own, where the examples look for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENLIGHT_KEYS", str(tmp_path_factory.mktemp("keys")))
        yield signing.keys_folder()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    make_example_bundle(folder)
    return folder


def run(example, *arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *arguments],
        capture_output=True,
        text=True,
        cwd=EXAMPLES.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_listed_and_run_here():
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    tests = Path(__file__).read_text("utf-8")
    for program in EXAMPLES.rglob("*.py"):
        assert program.name in tests
        assert program.name in listed


def test_score_a_film(bundle):
    said = run("score_a_film.py", bundle)
    assert re.search(r"expected stars: \d\.\d{3}", said)
    shares = [float(share) for share in re.findall(r"([\d.]+)%", said)]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.6)


def test_search_your_slate(bundle):
    said = run("search_your_slate.py", EXAMPLES / "slate.toml", bundle)
    stars = [float(stars) for stars in re.findall(r"\d\. ([\d.]+) stars", said)]
    assert len(stars) == 5
    assert stars == sorted(stars, reverse=True)
    assert "why: an average film" in said
    assert said == run("search_your_slate.py", EXAMPLES / "slate.toml", bundle)


def test_compare_with_optuna(bundle):
    done = subprocess.run(
        [sys.executable, "examples/compare_with_optuna.py", bundle, "--trials=3", "--seeds=1"],
        capture_output=True,
        text=True,
        cwd=EXAMPLES.parent,
    )
    if importlib.util.find_spec("optuna") is None:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "Optuna isn't here: .venv/bin/pip install optuna\n"
    else:
        assert re.findall(r"^ +(\w+) \d\.\d\d ", done.stdout, re.MULTILINE) == [
            *("exact", "tpe", "random"),
        ]


def test_what_optuna_is_compared_with_is_the_best_of_all(bundle, keys):
    exact = runpy.run_path(str(EXAMPLES / "compare_with_optuna.py"))["exact"]
    model = Model.open(bundle, signing.read_public_keys(keys))
    best, size, _ = exact(model)
    known, training = model.catalogue, model.catalogue.training_years
    films = [
        combination(director.name, year, genres)
        for director in known.directors
        for year in range(training.first, training.last + 1)
        for count in (1, 2, 3)
        for genres in itertools.combinations(known.genres, count)
    ]
    assert size == len(films)
    assert best == max(one.expected for one in model.predict(films))


def test_make_tables_writes_the_tables_that_are_kept(tmp_path):
    for name in ("lunches", "plumbers"):
        (tmp_path / name).mkdir()
    run("make_tables.py", tmp_path)
    for name in ("lunches", "plumbers"):
        table = f"{name}/{name}.csv"
        assert (tmp_path / table).read_bytes() == (EXAMPLES / table).read_bytes()


@pytest.fixture
def appliance(bundle, keys, tmp_path):
    """A running appliance on simulated pins, with a model."""
    state = tmp_path / "state"
    offer(bundle, state)
    (tmp_path / "greenlight.toml").write_text(f'public_keys = "{keys}"\npage = false\n')
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "edge", "run", "--simulate"),
            *("--config", tmp_path / "greenlight.toml", "--state", state),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        heard = []
        for line in running.stdout:
            heard.append(line)
            if line.startswith("model: films version 1"):
                break
        assert running.poll() is None, "".join(heard)
        yield state
    finally:
        running.terminate()
        running.communicate(timeout=30)


def offer(bundle, state):
    state.mkdir()
    partial = incoming_folder(state) / ".partial-1"
    shutil.copytree(bundle, partial)
    sha256 = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    with Journal.open(state / JOURNAL) as journal:
        hand_over(partial, state, "1")
        journal.offer_model(1, sha256, "job", "1")


@pytest.fixture
def second_button():
    """The example as a module, on mock pins."""
    spec = importlib.util.spec_from_file_location("second_button", EXAMPLES / "second_button.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = Device.pin_factory
    Device.pin_factory = MockFactory()
    yield module
    Device.pin_factory.close()
    Device.pin_factory = before


def test_second_button_approves_the_pick_that_waits(appliance, second_button, capfd):
    pick = client.ask(appliance, "press")["pick"]
    with second_button.second_button(appliance) as button:
        button.pin.drive_low()  # gpiozero calls what is due before this returns
        button.pin.drive_high()
    assert pick["title"] in capfd.readouterr().out
    waiting = client.ask(appliance, "status")["awaiting_rating"]
    assert [entry["pick_id"] for entry in waiting] == [pick["id"]]


def test_second_button_says_why_it_could_not(second_button, capfd, tmp_path):
    second_button.approve(tmp_path)
    assert "no appliance is running in" in capfd.readouterr().out
