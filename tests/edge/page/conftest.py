"""Fixtures of the page's tests: an appliance with a small real model, visitors, browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from data import signing
from training.dataset import FilmTable
from training.export.bundle import prepare, summary_of, write
from training.export.example_bundle import made_up_films, small_model
from training.report import draw

from .browser import Browser, open_browser
from .running_appliance import RunningAppliance, Visitor

FAMILY = ("Varda", "Ōshima", "Almodóvar", "Çelik", "Núñez", "O’Hara", "Lindqvist", "de la Cruz")
GIVEN = ("Agnès", "Bo", "Chloé", "Dæmon", "Émile")


# Wrong PINs are counted by address, so each stranger needs a different one.
ADDRESSES = (f"127.0.{third}.{last}" for third in range(1, 255) for last in range(1, 255))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, signing.PrivateKey]:
    """A folder of trusted keys, and the private half of the only one in it."""
    folder = tmp_path_factory.mktemp("keys")
    private = signing.development_key(folder)
    return folder, private


@pytest.fixture(scope="session")
def make_bundle(
    tmp_path_factory: pytest.TempPathFactory, keys: tuple[Path, signing.PrivateKey]
) -> Callable[..., Path]:
    """A maker of small real bundles: forty directors whose names need more than ASCII."""

    def make(version: int, *, report: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("bundle") / "bundle"
        films = [
            msgspec.structs.replace(film, director=_name(int(film.director.split()[1])))
            for film in made_up_films(40, seed=version)
        ]
        table = FilmTable("example", "made up", films, [])
        exported = prepare(table, small_model(version), version=version, combinations=200)
        page = draw(table, summary_of(exported), folder) if report else None
        write(exported, folder, keys[1], page)
        return folder

    return make


def _name(number: int) -> str:
    return f"{GIVEN[number % len(GIVEN)]} {FAMILY[number // len(GIVEN)]}"


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Path]) -> Path:
    """A small real bundle with its report, version 1."""
    return make_bundle(1, report=True)


@pytest.fixture(scope="module")
def appliance(
    tmp_path_factory: pytest.TempPathFactory,
    bundle: Path,
    keys: tuple[Path, signing.PrivateKey],
) -> Iterator[RunningAppliance]:
    """A running appliance with a model, one for each module of tests."""
    state = tmp_path_factory.mktemp("appliance") / "state"
    with RunningAppliance(state, keys[0]) as running:
        running.give_model(bundle)
        yield running


@pytest.fixture
def stranger(appliance: RunningAppliance) -> Visitor:
    """Someone who has not signed in."""
    return Visitor(appliance.port, address=next(ADDRESSES))


@pytest.fixture(scope="module")
def _sessions() -> dict[str, Visitor]:
    """Signed-in visitors by PIN: checking a PIN is slow on purpose."""
    return {}


@pytest.fixture
def owner(appliance: RunningAppliance, _sessions: dict[str, Visitor]) -> Visitor:
    """Someone who has."""
    pin = appliance.pin
    visitor = Visitor(appliance.port)
    if pin in _sessions:
        visitor.cookie, visitor.token = _sessions[pin].cookie, _sessions[pin].token
    else:
        assert visitor.sign_in(pin) == 303
        _sessions[pin] = visitor
    return visitor


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Debian's Chromium with a fresh profile, one for each module of tests."""
    with open_browser(chromium_path) as opened:
        yield opened
