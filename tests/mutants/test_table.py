"""The list of mutations stays valid: the code it changes and the tests it names all exist."""

import ast
from pathlib import Path

import pytest

from .table import MUTATIONS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mutation_has_its_text_its_promise_and_its_test(mutation):
    text = (ROOT / mutation.file).read_text("utf-8")
    assert text.count(mutation.before) == 1, "its text occurs exactly once"
    assert mutation.before != mutation.after
    assert mutation.promise in (ROOT / mutation.doc).read_text("utf-8")
    file, _, name = mutation.test.partition("::")
    tests = ast.parse((ROOT / file).read_text("utf-8")).body
    assert name in {one.name for one in tests if isinstance(one, ast.FunctionDef)}


def test_names_are_unique_and_the_gate_tries_a_dozen():
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS)
    assert 10 <= sum(one.gate for one in MUTATIONS) <= 14
