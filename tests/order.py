"""The order in which the workers of `make test` take up files: the longest first.

A worker takes a file whole. If a long one came last, one core would run it while the other idles;
and some of the longest have a single test. The list is from the sums of `--durations=0` by file
and needs no more precision than that: a file that it lacks comes after it, by number of tests.
"""

from __future__ import annotations

from collections import Counter

import pytest

# Ten seconds or more on an idle core, the longest first.
LONGEST = (
    "tests/test_loop.py",
    "tests/local_cloud/demo/test_steps.py",
    "tests/campaigns/test_learn.py",
    "tests/cloud_sync/test_faults_on_the_local_cloud.py",
    "tests/local_cloud/test_commands.py",
    "tests/lambdas/operator/test_publish.py",
    "tests/cloud_sync/test_faults.py",
    "tests/cloud_sync/test_end_to_end.py",
    "tests/edge/appliance/test_run.py",
    "tests/training/retraining/test_retrain.py",
    "tests/examples/test_domains.py",
    "tests/edge/models/test_update.py",
    "tests/edge/journal/test_kills.py",
    "tests/cloud_sync/test_jobs.py",
    "tests/test_release.py",
    "tests/docs/test_site.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by file, the longest files first; within a file the order stays."""
    places = {file: place for place, file in enumerate(LONGEST)}
    tests = Counter(_file(item) for item in items)

    def rank(item: pytest.Item) -> tuple[int, int, str]:
        file = _file(item)
        return places.get(file, len(places)), -tests[file], file

    items.sort(key=rank)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
