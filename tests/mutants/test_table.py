"""The list of mutations stays valid: the code it changes and the tests it names all exist."""

import ast
import re
from pathlib import Path

import pytest

from .elsewhere import HELD
from .table import MUTATIONS

ROOT = Path(__file__).parents[2]


def is_a_test(place: str) -> bool:
    file, _, name = place.partition("::")
    tests = ast.parse((ROOT / file).read_text("utf-8")).body
    return name in {
        one.name for one in tests if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def is_promised(promise: str, doc: str) -> bool:
    # A line of a page may end within the promise.
    return promise in " ".join((ROOT / doc).read_text("utf-8").split())


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mutation_has_its_text_its_promise_and_its_test(mutation):
    text = (ROOT / mutation.file).read_text("utf-8")
    assert text.count(mutation.before) == 1, "its text occurs exactly once"
    assert mutation.before != mutation.after
    assert is_promised(mutation.promise, mutation.doc)
    assert is_a_test(mutation.test)


@pytest.mark.parametrize("held", HELD, ids=lambda one: f"{one.doc}: {one.promise}")
def test_a_promise_held_elsewhere_is_there_with_what_holds_it(held):
    assert is_promised(held.promise, held.doc)
    if held.by.startswith("make "):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert held.by.removeprefix("make ") in targets
    else:
        assert held.by.startswith("nothing here: ") or is_a_test(held.by)


def test_names_are_unique_and_the_gate_tries_a_dozen():
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS)
    assert 10 <= sum(one.gate for one in MUTATIONS) <= 14


def test_every_page_has_a_promise_that_is_broken_on_purpose():
    pages = {"README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))}
    assert pages - {one.doc for one in MUTATIONS} == set()
