"""Noted by pytest within a mutant's run (`-p tests.mutants.breakages`): how each test ended.

A mutant counts as caught only if a test failed by what it asserts. One that breaks otherwise (an
import, a fixture, a name that is gone) shows nothing about the promise.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

# An assertion; `pytest.fail`, which is also how `pytest.raises` says that nothing was raised.
_ASSERTIONS = (AssertionError, pytest.fail.Exception)
_TIMED_OUT = "from pytest-timeout"

_found: list[dict[str, object]] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" or not report.passed:
        error = call.excinfo.value if call.excinfo else None
        asserted = call.when == "call" and _is_asserted(error)
        kind = type(error).__name__ if error else ""
        _found.append({"outcome": report.outcome, "asserted": asserted, "error": kind})


def pytest_sessionfinish():
    if "MUTANT_OUTCOMES" in os.environ:
        Path(os.environ["MUTANT_OUTCOMES"]).write_text(json.dumps(_found))


def _is_asserted(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        # Hypothesis found several failures.
        return any(_is_asserted(one) for one in error.exceptions)
    # A test that only took too long, on a busy machine for one, shows nothing either.
    return isinstance(error, _ASSERTIONS) and _TIMED_OUT not in str(error)
